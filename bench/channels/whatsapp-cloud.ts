/** WhatsApp: the strict fake of the Graph API that the plugin's own tests use, and its notifications to the host. */
import { NUMBER, openFakeGraph } from "../../plugins/whatsapp-cloud/test/fake/graph-api.ts";
import { postTo } from "../../plugins/whatsapp-cloud/test/fake/notices.ts";
import { createMeta } from "../../plugins/whatsapp-cloud/test/fake/peer.ts";
import { benchChat, type BenchPlatform } from "./platform.ts";

export const whatsappCloud: BenchPlatform = {
  name: "whatsapp-cloud",
  everyMs: 6_050, // one message in six seconds to a person, in the long run
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
