/** Discord: the strict fake of its API and its gateway that the plugin's own tests use. */
import { openFakeDiscord } from "../../plugins/discord/test/fake/discord.ts";
import { BOT, chatPeer, directWith } from "../../plugins/discord/test/fake/peer.ts";
import { benchChat, type BenchPlatform } from "./platform.ts";

export const discord: BenchPlatform = {
  name: "discord",
  everyMs: 1_050, // five messages in five seconds in a chat
  accountEveryMs: 21, // 50 a second
  async open(people) {
    const fake = await openFakeDiscord({ bot: BOT });
    return {
      settings: { apiRoot: fake.apiRoot },
      variables: { DISCORD_BOT_TOKEN: BOT.token },
      chats: people.map((person) => benchChat(chatPeer(fake, directWith(fake, person)), person)),
      changed: fake.server.changes.changed,
      [Symbol.asyncDispose]: () => fake.close(),
    };
  },
};
