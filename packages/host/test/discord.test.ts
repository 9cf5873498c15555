/** Discord as people have it: the plugin that ships, in a process of its own, against the strict fake of Discord. */
import { readFile } from "node:fs/promises";
import { expect, it, onTestFinished } from "vitest";
import { openFakeDiscord } from "../../../plugins/discord/test/fake/discord.ts";
import { BOT, chatPeer, directWith, groupNamed, interact } from "../../../plugins/discord/test/fake/peer.ts";
import { COMMANDS } from "../../../plugins/discord/src/slash.ts";
import { homePaths } from "../src/config.ts";
import { givenHost } from "./journey.ts";
import { setUpShipped } from "./shipped.ts";
import { showsBy } from "./shown.ts";

const ANN = { id: "7001", name: "Ann" };
const BEN = { id: "7002", name: "Ben" };
const SAM = { id: "7003", name: "Sam" };

/** Ann is the owner. The channel `home` is of the group `family`, where Ben is too; she is told there what there is to tell. */
async function givenBot() {
  const discord = await openFakeDiscord({ bot: BOT });
  onTestFinished(discord.close);
  const home = groupNamed(discord, "home");
  const journey = await givenHost({
    config: `owners: ["discord:${ANN.id}"]
notices: "discord:${home.id}"
groups:
  family:
    chats: ["discord:${home.id}"]
`,
  });
  await setUpShipped(journey.home, "discord", {
    settings: { apiRoot: discord.apiRoot },
    variables: { DISCORD_BOT_TOKEN: BOT.token },
  });

  const shows = showsBy(discord.server.changes, journey);
  const kitchen = chatPeer(discord, home);
  return { journey, discord, home, kitchen, shows, sams: chatPeer(discord, directWith(discord, SAM)) };
}

it("files go both ways, a slash command is a command, and a button is its owner's, after a restart too", async () => {
  const { journey, discord, home, kitchen, sams, shows } = await givenBot();
  const toUs = { mentionsUs: true };

  const content = Buffer.from("carried by Discord");
  await kitchen.says(ANN, "run: find /workspace/media -name '*photo*' -exec cat {} +", {
    ...toUs,
    file: { name: "photo.png", type: "image/png", content },
  });
  await shows(kitchen, ({ text }) => text.includes("carried by Discord"));

  await kitchen.says(
    ANN,
    'run: echo carried back > back.txt\ntool: send_file {"path": "back.txt", "caption": "here"}',
    toUs,
  );
  const { file } = await shows(kitchen, (message) => message.file !== undefined);
  expect(Buffer.from(file?.content ?? []).toString()).toBe("carried back\n");

  const used = interact(discord, home, ANN, { type: 2, data: { name: "help", options: [] } });
  const help = await shows(kitchen, ({ text }) => text.includes("/stop") && text.includes("/status"));
  const ours = [...help.text.matchAll(/^\/(\w+)/gm)].map(([, name = ""]) => name);
  expect(COMMANDS.map(({ name }) => name).toSorted()).toEqual(ours.toSorted());
  expect(discord.world.waiting.get(used)?.answer).toMatchObject({ data: { flags: 64 } });

  await sams.says(SAM, "say: let me in");
  const card = await shows(kitchen, ({ buttons = [] }) => buttons.length > 0);
  const letIn = card.buttons?.find(({ label }) => label === "Let them in")?.id ?? "";
  await kitchen.presses?.(BEN, card.platformId, letIn);
  await shows(kitchen, ({ text }) => text.startsWith("Only "));
  expect(await journey.client.senders.list()).toMatchObject({ waiting: [{ sender: `discord:${SAM.id}` }] });

  await journey.restart();
  await kitchen.presses?.(ANN, card.platformId, letIn);
  await shows(sams, ({ text }) => text === "let me in");
  expect(discord.gateway.journal.filter((one) => one === "identify")).toHaveLength(1);

  const log = await readFile(homePaths(journey.home).log, "utf8");
  expect(log).not.toContain(BOT.token);
}, 180_000);
