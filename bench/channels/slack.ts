/** Slack: the strict fake of its Web API and Socket Mode that the plugin's own tests use. */
import { APP, chatPeer, directOf, idOf } from "../../plugins/slack/test/fake/peer.ts";
import { openFakeSlack } from "../../plugins/slack/test/fake/slack.ts";
import { benchChat, type BenchPlatform } from "./platform.ts";

export const slack: BenchPlatform = {
  name: "slack",
  everyMs: 1_050, // one message a second in a chat
  accountEveryMs: 205, // 30 in six seconds
  async open(people) {
    const fake = await openFakeSlack({ app: APP });
    return {
      settings: { apiRoot: fake.apiRoot },
      variables: { SLACK_BOT_TOKEN: APP.botToken, SLACK_APP_TOKEN: APP.appToken },
      chats: people.map((person) => benchChat(chatPeer(fake, directOf(fake, person)), person, idOf(person))),
      changed: fake.server.changes.changed,
      [Symbol.asyncDispose]: () => fake.close(),
    };
  },
};
