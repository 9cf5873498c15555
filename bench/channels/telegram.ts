/** Telegram: the strict fake of the Bot API that the plugin's own tests use. */
import { openFakeBotApi } from "../../plugins/telegram/test/fake/bot-api.ts";
import { BOT, chatPeer, worldOf } from "../../plugins/telegram/test/fake/peer.ts";
import { benchChat, type BenchPlatform } from "./platform.ts";

export const telegram: BenchPlatform = {
  name: "telegram",
  everyMs: 1_050, // one message a second in a chat
  accountEveryMs: 34, // 30 a second
  async open(people) {
    const api = await openFakeBotApi({ bots: [BOT] });
    const world = worldOf(api, BOT);
    return {
      settings: { apiRoot: api.server.url },
      variables: { TELEGRAM_BOT_TOKEN: BOT.token },
      chats: people.map((person) => {
        const chat = world.open(Number(person.id), "private", person.name, 2);
        return benchChat(chatPeer(api, world, chat), person);
      }),
      changed: api.server.changes.changed,
      [Symbol.asyncDispose]: () => api.close(),
    };
  },
};
