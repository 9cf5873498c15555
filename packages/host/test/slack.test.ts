/** Slack as people have it: the plugin that ships, in a process of its own, against the strict fake of Slack. */
import { readFile } from "node:fs/promises";
import { expect, it, onTestFinished } from "vitest";
import { APP, chatPeer, directOf, idOf } from "../../../plugins/slack/test/fake/peer.ts";
import { openFakeSlack } from "../../../plugins/slack/test/fake/slack.ts";
import { homePaths } from "../src/config.ts";
import { givenHost } from "./journey.ts";
import { setUpShipped } from "./shipped.ts";
import { showsBy } from "./shown.ts";

const ANN = { id: "7001", name: "Ann" };
const BEN = { id: "7002", name: "Ben" };
const PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);

/** A host with an app in a workspace. Ann is its owner, and is told what there is to tell. */
async function givenWorkspace() {
  const slack = await openFakeSlack({ app: APP });
  onTestFinished(slack.close);
  const [anns, bens] = [ANN, BEN].map((person) => directOf(slack, person));
  if (!anns || !bens) throw new Error("there are two people");
  const journey = await givenHost({
    config: `owners: ["slack:${idOf(ANN)}"]
notices: "slack:${anns.id}"
groups:
  main:
    chats: ["slack:${anns.id}"]
`,
  });
  await setUpShipped(journey.home, "slack", {
    settings: { apiRoot: slack.apiRoot },
    variables: { SLACK_BOT_TOKEN: APP.botToken, SLACK_APP_TOKEN: APP.appToken },
  });

  const shows = showsBy(slack.server.changes, journey);
  return {
    journey,
    slack,
    shows,
    anns: chatPeer(slack, anns),
    bens: chatPeer(slack, bens),
    annsChannel: anns,
  };
}

it("pictures and files go both ways on Slack, threads of direct messages are answered in themselves, and buttons know who presses them after a restart", async () => {
  const { journey, slack, shows, anns, bens, annsChannel } = await givenWorkspace();

  await anns.says(ANN, "see:", { file: { name: "dot.png", type: "image/png", content: PNG } });
  await shows(anns, ({ text }) => text.includes("I see a file (image/png"));

  await anns.says(
    ANN,
    'run: echo carried back > back.txt\ntool: send_file {"path": "back.txt", "caption": "here"}',
  );
  const { file } = await shows(anns, (message) => message.file !== undefined);
  expect(file?.name).toBe("back.txt");
  expect(Buffer.from(file?.content ?? []).toString()).toBe("carried back\n");

  const root = await anns.says(ANN, "say: at the top");
  // Where the turn with the file is not over yet, this is the end of its answer.
  await shows(anns, ({ text }) => text.endsWith("at the top"));
  const thread = chatPeer(slack, annsChannel, root);
  await thread.says(ANN, "think: 0.5\nsay: in the thread");
  await shows(thread, ({ text }) => text === "in the thread");
  expect(anns.messages().filter(({ text }) => text === "in the thread")).toEqual([]);
  expect(thread.typings?.()).toBeGreaterThan(0);

  await bens.says(BEN, "say: let me in");
  const { platformId, buttons = [] } = await shows(anns, (message) => message.buttons !== undefined);
  const button = buttons.find(({ label }) => label === "Let them in")?.id ?? "";
  await journey.restart();
  await anns.presses?.(BEN, platformId, button);
  await shows(anns, ({ text }) => /only the owner/i.test(text));
  expect(bens.messages().filter(({ text }) => text === "let me in")).toEqual([]);
  await anns.presses?.(ANN, platformId, button);
  await shows(bens, ({ text }) => text === "let me in");

  const log = await readFile(homePaths(journey.home).log, "utf8");
  for (const secret of [APP.botToken, APP.appToken, "ticket-"]) expect(log).not.toContain(secret);
}, 180_000);
