/**
 * The plugin as it is, in a process of its own, with the fake server for WhatsApp: the entry of a plugin that driver.ts
 * makes. Whoever drives it holds the other end of a socket in the plugin's folder, says what people do and is told what
 * they see.
 */
import { definePlugin } from "@bellhop/sdk";
import { connect } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { whatsAppPlugin } from "../../src/plugin.ts";
import { CONTROL, type Deed, Deeds, type News } from "./control.ts";
import { downloadFrom } from "./media.ts";
import { chatPeer, shown } from "./peer.ts";
import { createFakeServer } from "./server.ts";
import { socketsTo } from "./socket.ts";

export default definePlugin((context) => {
  const server = createFakeServer();
  const line = connect(join(context.folder, CONTROL));
  line.on("error", () => undefined); // whoever drove it is gone, and hears nothing any more
  const tell = (news: News) => void line.write(`${JSON.stringify(news)}\n`);

  function does(deed: Deed): void {
    if (deed.do === "pair") return server.pair();
    const chat = chatPeer(server, server.open(`${deed.person.id}@s.whatsapp.net`));
    const { person, text, file } = deed;
    void chat.says(person, text, file && { file: { ...file, content: Buffer.from(file.content, "base64") } });
  }

  server.onShown((chat, message) => {
    const { platformId: id, from, text, file } = shown(message);
    const content = file && Buffer.from(file.content).toString("base64");
    tell({
      news: "message",
      message: {
        id,
        chat: chatPeer(server, chat).id,
        from,
        text,
        ...(file && content !== undefined && { file: { name: file.name, content } }),
      },
    });
  });

  async function watch(): Promise<never> {
    let isUp = server.isLive();
    let codes = 0;
    tell({ news: "connection", isUp });
    for (;;) {
      const change = server.changes.changed();
      if (isUp !== server.isLive()) tell({ news: "connection", isUp: (isUp = server.isLive()) });
      for (const code of server.codes.slice(codes)) tell({ news: "code", code });
      codes = server.codes.length;
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
