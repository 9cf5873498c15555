/** Telegram as people have it: the plugin that ships, in a process of its own, against the strict fake of the Bot API. */
import { readFile } from "node:fs/promises";
import { expect, it, onTestFinished } from "vitest";
import { openFakeBotApi } from "../../../plugins/telegram/test/fake/bot-api.ts";
import { BOT, chatPeer, worldOf } from "../../../plugins/telegram/test/fake/peer.ts";
import { homePaths } from "../src/config.ts";
import { givenHost } from "./journey.ts";
import { setUpShipped } from "./shipped.ts";
import { showsBy } from "./shown.ts";

const OTHER = { ...BOT, id: BOT.id + 1, token: `${BOT.id + 1}:another-token`, username: "OtherTestBot" };
const ANN = { id: "7001", name: "Ann" };

/** A host that has two bots, in private chats with Ann, who is its owner. Both chats belong to `main`. */
async function givenBots() {
  const api = await openFakeBotApi({ bots: [BOT, OTHER] });
  onTestFinished(api.close);
  const [one, two] = [BOT, OTHER].map((bot) => {
    const world = worldOf(api, bot);
    return chatPeer(api, world, world.open(Number(ANN.id), "private", ANN.name, 2));
  });
  if (!one || !two) throw new Error("there are two bots");
  const journey = await givenHost({
    config: `owners: ["telegram:${ANN.id}"]
groups:
  main:
    chats: ["telegram:${ANN.id}", "telegram/2:${ANN.id}"]
`,
  });
  await setUpShipped(journey.home, "telegram", {
    settings: { apiRoot: api.server.url },
    variables: { TELEGRAM_BOT_TOKEN: BOT.token, TELEGRAM_BOT_TOKEN_2: OTHER.token },
  });

  const shows = showsBy(api.server.changes, journey);
  return { journey, one, two, shows };
}

it("a chat on Telegram and one on the web share a group, files go both ways, and a second bot is another chat", async () => {
  const { journey, one, two, shows } = await givenBots();

  await journey.ask("run: echo written on the web > note.txt");
  await one.says(ANN, "run: cat note.txt");
  await shows(one, ({ text }) => text.includes("written on the web"));

  const content = Buffer.from("carried by Telegram");
  await one.says(ANN, "run: find /workspace/media -name '*hello*' -exec cat {} +", {
    file: { name: "hello.txt", type: "text/plain", content },
  });
  await shows(one, ({ text }) => text.includes("carried by Telegram"));

  await one.says(
    ANN,
    'run: echo carried back > back.txt\ntool: send_file {"path": "back.txt", "caption": "here"}',
  );
  const { file } = await shows(one, (message) => message.file !== undefined);
  expect(file?.name).toBe("back.txt");
  expect(Buffer.from(file?.content ?? []).toString()).toBe("carried back\n");

  await two.says(ANN, "say: only to the second");
  await shows(two, ({ text }) => text === "only to the second");
  expect(one.messages().filter(({ text }) => text === "only to the second")).toEqual([]);

  const { answer } = await journey.ask("run: cat back.txt");
  expect(answer).toContain("carried back");
  const log = await readFile(homePaths(journey.home).log, "utf8");
  expect(log).not.toContain(BOT.token);
}, 180_000);
