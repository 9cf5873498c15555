/** E-mail: a real Dovecot and the real SMTP server that the plugin's own tests use, with nothing that goes wrong. */
import { addressOf, AUTHSERV_ID, openServers } from "../../plugins/email/test/servers/peer.ts";
import { benchChat, type BenchPlatform } from "./platform.ts";

export const email: BenchPlatform = {
  name: "email",
  everyMs: 0,
  async open(people) {
    const servers = await openServers();
    const peer = await servers.peer();
    return {
      settings: { answersPerHour: 1_000 },
      variables: {
        EMAIL_ADDRESS: peer.address,
        EMAIL_PASSWORD: peer.password,
        EMAIL_IMAP: `imap://127.0.0.1:${peer.ports.imap}`,
        EMAIL_SMTP: `smtp://127.0.0.1:${peer.ports.smtp}`,
        EMAIL_AUTHSERV_ID: AUTHSERV_ID,
      },
      chats: people.map((person) => benchChat(peer.direct(person), person, addressOf(person))),
      changed: peer.changed,
      async [Symbol.asyncDispose]() {
        await peer.close();
        await servers.close();
      },
    };
  },
};
