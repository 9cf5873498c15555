/**
 * The plugin as it is, in a process of its own, with a fake server for each of WhatsApp's accounts: the entry of a
 * plugin that driver.ts makes. Whoever drives it holds the other ends of sockets in the plugin's folder, says what
 * people do and is told what they see.
 */
import { definePlugin } from "@bellhop/sdk";
import { connect } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { whatsAppPlugin } from "../../src/plugin.ts";
import type { MakeSocket, SocketOptions } from "../../src/socket.ts";
import { CONTROL, type Deed, Deeds, type News, SECOND_CONTROL } from "./control.ts";
import { downloadFrom } from "./media.ts";
import { chatPeer, shown } from "./peer.ts";
import { createFakeServer, type FakeServer, ME, OTHER_ME } from "./server.ts";
import { socketsTo } from "./socket.ts";

export default definePlugin((context) => {
  const begun = Date.now();
  const servers = [createFakeServer(ME, begun), createFakeServer(OTHER_ME, begun)] as const;
  control(servers[0], join(context.folder, CONTROL));
  control(servers[1], join(context.folder, SECOND_CONTROL));

  /** A linked device reaches its account; the next phone that pairs is of the first that no device is connected to. */
  const makeSocket: MakeSocket = async (options) => {
    const server = servers.find((one) => belongsTo(one, options)) ?? servers[0];
    return await socketsTo(server)(options);
  };

  const make = whatsAppPlugin({
    makeSocket,
    // Each server numbers its files by itself; a journey sends them on the first.
    download: downloadFrom(servers[0]),
    rate: { account: { calls: 1_000, perMs: 1_000 } },
  });
  return make(context);
});

function belongsTo(server: FakeServer, { auth: { creds } }: SocketOptions): boolean {
  if (!creds.account) return !server.isLive();
  return creds.me?.id.startsWith(`${server.me.phone}:`) === true;
}

function control(server: FakeServer, path: string): void {
  const line = connect(path);
  const lines = createInterface({ input: line });
  // Whoever drove it is gone, or wants nothing of this account; Node says it of both.
  for (const one of [line, lines]) one.on("error", () => undefined);
  const tell = (news: News) => void line.write(`${JSON.stringify(news)}\n`);

  function does(deed: Deed): void {
    if (deed.do === "pair") return server.pair();
    if (deed.do === "rotate") return server.rotate();
    if (deed.do === "unlink") return server.cut(401);
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

  lines.on("line", (text) => does(Deeds.parse(JSON.parse(text))));
  void watch();
}
