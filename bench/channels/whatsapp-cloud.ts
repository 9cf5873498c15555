/**
 * WhatsApp by Meta's API: the strict fake of the Graph API that the plugin's own tests use, and its notifications to the
 * host.
 *
 * The plugin that ships declares 45 messages at once to a person, and one in six seconds after that. It is measured as
 * it is, so nobody is sent more than those 45.
 */
import { NUMBER, openFakeGraph } from "../../plugins/whatsapp-cloud/test/fake/graph-api.ts";
import { postTo } from "../../plugins/whatsapp-cloud/test/fake/notices.ts";
import { createMeta } from "../../plugins/whatsapp-cloud/test/fake/peer.ts";
import { benchChat, type BenchPlatform } from "./platform.ts";

export const whatsappCloud: BenchPlatform = {
  name: "whatsapp-cloud",
  everyMs: 0,
  accountEveryMs: 13, // 80 a second
  burst: 45,
  async open(people, hostUrl) {
    const graph = await openFakeGraph();
    const meta = createMeta(graph, (request) => postTo(hostUrl, request));
    return {
      settings: { graphRoot: graph.server.url },
      variables: {
        WHATSAPP_CLOUD_PHONE_NUMBER_ID: NUMBER.phoneNumberId,
        WHATSAPP_CLOUD_TOKEN: NUMBER.token,
        WHATSAPP_CLOUD_APP_SECRET: NUMBER.appSecret,
        WHATSAPP_CLOUD_VERIFY_TOKEN: "verify-me",
      },
      chats: people.map((person) => benchChat(meta.chat(graph.world.open(person)), person)),
      changed: graph.server.changes.changed,
      async [Symbol.asyncDispose]() {
        meta.close();
        await graph.server.close();
      },
    };
  },
};
