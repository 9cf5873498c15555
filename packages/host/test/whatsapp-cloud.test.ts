/** WhatsApp as people have it: the plugin that ships, in a process of its own, against the strict fake of the Graph API. */
import { readFile } from "node:fs/promises";
import { expect, it, onTestFinished } from "vitest";
import { NUMBER, openFakeGraph } from "../../../plugins/whatsapp-cloud/test/fake/graph-api.ts";
import { notice, posted, postTo, senderOf } from "../../../plugins/whatsapp-cloud/test/fake/notices.ts";
import { createMeta } from "../../../plugins/whatsapp-cloud/test/fake/peer.ts";
import type { FakeMessage, FakePerson } from "../../../plugins/whatsapp-cloud/test/fake/world.ts";
import { homePaths } from "../src/config.ts";
import { givenHost } from "./journey.ts";
import { setUpShipped } from "./shipped.ts";
import { notShown } from "./shown.ts";

const TEMPLATE = { name: "word", language: "en" };
const ANN = { id: "491511111111", name: "Ann" };
const BEN = { id: "491522222222", name: "Ben" };
const DAY_MS = 24 * 60 * 60_000;

/** A host with one number, whose owner is Ann; she is told there what there is to tell. */
async function givenNumber() {
  const graph = await openFakeGraph({ templates: [TEMPLATE] });
  onTestFinished(graph.server.close);
  const journey = await givenHost({
    config: `owners: ["whatsapp-cloud:${ANN.id}"]
notices: "whatsapp-cloud:${ANN.id}"
groups:
  main:
    chats: ["whatsapp-cloud:${ANN.id}"]
`,
  });
  const variables = {
    WHATSAPP_CLOUD_PHONE_NUMBER_ID: NUMBER.phoneNumberId,
    WHATSAPP_CLOUD_TOKEN: NUMBER.token,
    WHATSAPP_CLOUD_APP_SECRET: NUMBER.appSecret,
    WHATSAPP_CLOUD_VERIFY_TOKEN: "verify-me",
  };
  await setUpShipped(journey.home, "whatsapp-cloud", {
    settings: { graphRoot: graph.server.url, template: TEMPLATE },
    variables,
  });

  const meta = createMeta(graph, (request) => postTo(journey.host().url, request));
  onTestFinished(meta.close);

  /** Resolves with the first message of ours that fits. */
  async function shows(
    { messages }: FakePerson,
    fits: (message: FakeMessage) => boolean,
  ): Promise<FakeMessage> {
    const find = () => messages.find((one) => one.from === "us" && fits(one));
    const seen = () => messages.map(({ text }) => text);
    return await graph.server.changes.until(find).catch(notShown(fits, seen, journey));
  }
  const person = (who: typeof ANN) => {
    const opened = graph.world.open(who);
    return { opened, ...meta.chat(opened) };
  };
  return { journey, graph, meta, shows, ann: person(ANN), ben: person(BEN) };
}

it("a picture in, a file out, a button after a restart that nobody else may press, and a template a day later", async () => {
  const { journey, graph, meta, shows, ann, ben } = await givenNumber();

  // A picture goes in, and a file comes out.
  const content = Buffer.from("carried by WhatsApp");
  const picture = graph.world.keep({ name: "cat.jpg", type: "image/jpeg", content });
  meta.says(ann.opened, {
    type: "image",
    image: {
      id: picture,
      mime_type: "image/jpeg",
      caption:
        'run: find /workspace/media -name \'*photo*\' -exec cp {} back.txt \\;\ntool: send_file {"path": "back.txt"}',
    },
  });
  const { file } = await shows(ann.opened, (message) => message.file !== undefined);
  expect([file?.name, Buffer.from(file?.content ?? []).toString()]).toEqual(["back.txt", content.toString()]);

  // A stranger is at the door, and the owner has a card with buttons.
  await ben.says(BEN, "say: let me in");
  const card = await shows(ann.opened, ({ buttons = [] }) => buttons.length > 0);
  await journey.restart();
  const [letIn] = card.buttons ?? [];
  if (!letIn) throw new Error("there is a button");
  meta.says(ben.opened, {
    type: "interactive",
    context: { id: card.id },
    interactive: { type: "button_reply", button_reply: { id: letIn.id, title: letIn.label } },
  });
  await ann.says(ANN, "say: still outside");
  await shows(ann.opened, ({ text }) => text === "still outside");
  expect((await journey.client.senders.list()).senders).toEqual([]);
  await ann.presses?.(ANN, card.id, letIn.id);
  await shows(ben.opened, ({ text }) => text === "let me in");

  // What nobody signed with the app's secret is refused.
  const forged = posted(
    notice({ messages: [{ ...senderOf(ben.opened), id: "wamid.x", timestamp: "1", type: "text" }] }),
    {
      secret: "f".repeat(32),
    },
  );
  expect(await postTo(journey.host().url, forged)).toEqual({ status: 401 });

  // A day later, what is said to her is sent as the template.
  graph.world.open(ANN).wroteAt -= 2 * DAY_MS;
  await journey.ask(
    `tool: send_message {"chat": "whatsapp-cloud:${ANN.id}", "text": "the bread\\nis ready"}`,
  );
  const word = await shows(ann.opened, ({ type }) => type === "template");
  expect(word.text).toBe("A word for you: the bread · is ready");

  const log = await readFile(homePaths(journey.home).log, "utf8");
  expect([log.includes(NUMBER.token), log.includes(NUMBER.appSecret)]).toEqual([false, false]);
}, 300_000);
