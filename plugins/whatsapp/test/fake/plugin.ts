/**
 * The plugin as it is, in a process of its own, with the fake server for WhatsApp: the entry of a plugin that a
 * journey makes. Whoever runs the journey holds the other end of a socket in the plugin's folder, says what people do
 * and is told what they see.
 */
import { definePlugin } from "@bellhop/sdk";
import { connect } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { whatsAppPlugin } from "../../src/plugin.ts";
import { downloadFrom } from "./media.ts";
import { chatPeer } from "./peer.ts";
import { createFakeServer } from "./server.ts";
import { socketsTo } from "./socket.ts";
import { CONTROL, type Deed, Deeds, type Seen } from "./control.ts";

export default definePlugin((context) => {
  const server = createFakeServer();
  const line = connect(join(context.folder, CONTROL));
  line.on("error", () => undefined); // a journey that is over hears nothing any more

  function does(deed: Deed): void {
    if (deed.do === "pair") return server.pair();
    if (deed.do === "rotate") return server.rotate();
    const chat = chatPeer(server, server.open(`${deed.person.id}@s.whatsapp.net`));
    const { person, text, file } = deed;
    void chat.says(person, text, file && { file: { ...file, content: Buffer.from(file.content, "base64") } });
  }

  function tell(): void {
    const seen: Seen = {
      connected: server.isLive(),
      codes: [...server.codes],
      messages: [...server.chats.values()].flatMap((chat) =>
        chatPeer(server, chat)
          .messages()
          .map(({ from, text, file }) => ({
            from,
            text,
            ...(file && { file: { name: file.name, content: Buffer.from(file.content).toString("base64") } }),
          })),
      ),
    };
    line.write(`${JSON.stringify(seen)}\n`);
  }

  async function watch(): Promise<never> {
    for (;;) {
      const change = server.changes.changed();
      tell();
      await change;
    }
  }

  createInterface({ input: line }).on("line", (text) => does(Deeds.parse(JSON.parse(text))));
  void watch();
  const make = whatsAppPlugin({
    makeSocket: socketsTo(server),
    download: downloadFrom(server),
    rate: { account: { calls: 1_000, perMs: 1_000 } },
  });
  return make(context);
});
