/** Discord and Slack in one group: two plugins that ship, each in a process of its own, one agent and one memory. */
import { expect, it, onTestFinished } from "vitest";
import { openFakeDiscord } from "../../../plugins/discord/test/fake/discord.ts";
import { BOT, chatPeer as discordChat, directWith } from "../../../plugins/discord/test/fake/peer.ts";
import { APP, chatPeer as slackChat, directOf, idOf } from "../../../plugins/slack/test/fake/peer.ts";
import { openFakeSlack } from "../../../plugins/slack/test/fake/slack.ts";
import { givenHost } from "./journey.ts";
import { setUpShipped } from "./shipped.ts";
import { showsBy } from "./shown.ts";

const ANN = { id: "7001", name: "Ann" };
const BEN = { id: "7002", name: "Ben" };

it("people on Discord and on Slack share a group, each is answered where they wrote, and a platform that is away holds up nobody", async () => {
  const discord = await openFakeDiscord({ bot: BOT });
  const slack = await openFakeSlack({ app: APP });
  onTestFinished(discord.close);
  onTestFinished(slack.close);
  const anns = discordChat(discord, directWith(discord, ANN));
  const bensPlace = directOf(slack, BEN);
  const bens = slackChat(slack, bensPlace);
  const journey = await givenHost({
    config: `owners: ["discord:${ANN.id}", "slack:${idOf(BEN)}"]
groups:
  family:
    chats: ["discord:${anns.id}", "slack:${bens.id}"]
`,
  });
  await setUpShipped(journey.home, "discord", {
    settings: { apiRoot: discord.apiRoot },
    variables: { DISCORD_BOT_TOKEN: BOT.token },
  });
  await setUpShipped(journey.home, "slack", {
    settings: { apiRoot: slack.apiRoot },
    variables: { SLACK_BOT_TOKEN: APP.botToken, SLACK_APP_TOKEN: APP.appToken },
  });
  const onDiscord = showsBy(discord.server.changes, journey);
  const onSlack = showsBy(slack.server.changes, journey);

  await anns.says(ANN, "run: echo milk > list.txt\nsay: written down");
  await onDiscord(anns, ({ text }) => text.endsWith("written down"));
  await bens.says(BEN, "run: cat list.txt");
  await onSlack(bens, ({ text }) => text.includes("milk"));
  expect(anns.messages().filter(({ from, text }) => from === "us" && text.includes("milk"))).toEqual([]);

  slack.server.fault("send", { how: "unreachable" });
  await anns.says(ANN, "say: still here");
  await onDiscord(anns, ({ text }) => text === "still here");
  await slack.server.mend();
  await bens.says(BEN, "say: back again");
  await onSlack(bens, ({ text }) => text === "back again");
}, 180_000);
