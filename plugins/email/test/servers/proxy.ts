/** A network that goes wrong, between a client and a real server on this machine. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** What becomes of bytes on their way to the client; undefined: they are passed on. */
export type OnAnswer = (bytes: Buffer, line: Line) => "drop" | "half" | "keep" | "trickle" | undefined;

export interface Line {
  /** Of the connections, from 1, in the order in which they came. */
  readonly number: number;
  /** The last 64 KiB of what the client has said over it. */
  readonly said: () => string;
}

export interface ProxyOptions {
  readonly to: number;
  readonly onConnection?: () => void;
  /** Said to a client in the server's place, with the end of the connection behind it. */
  readonly greeting?: () => string | undefined;
  /** What the server is told in place of that: one character a byte. */
  readonly onQuestion?: (said: string) => string;
  readonly onAnswer?: OnAnswer;
}

export interface Proxy {
  readonly port: number;
  /** Every connection ends at once. */
  cut(): void;
  /** Those that are there say nothing more, and stay. */
  silence(): void;
  /** Nobody answers any more, and what is there ends; until `open`. */
  shut(): void;
  open(): Promise<void>;
  close(): Promise<void>;
}

const REMEMBERED = 64 * 1024;
const TRICKLE_MS = 50;

export async function openProxy({
  to,
  onConnection,
  greeting,
  onQuestion,
  onAnswer,
}: ProxyOptions): Promise<Proxy> {
  const lines = new Set<{ readonly client: Socket; readonly server: Socket; silent: boolean }>();
  let port = 0;
  let connections = 0;
  let listening: Server | undefined = await listen();

  async function listen(): Promise<Server> {
    const server = createServer(join).listen(port, "127.0.0.1");
    await once(server, "listening");
    port = (server.address() as AddressInfo).port; // it listens on TCP
    return server;
  }

  function join(client: Socket): void {
    const number = (connections += 1);
    onConnection?.();
    client.on("error", () => undefined);
    const instead = greeting?.();
    if (instead !== undefined) {
      client.end(instead);
      return;
    }
    const server = connect(to, "127.0.0.1");
    const line = { client, server, silent: false };
    let said = "";
    lines.add(line);
    server.on("error", () => client.destroy());
    client.on("data", (bytes: Buffer) => {
      if (line.silent) return;
      said = (said + bytes.toString("latin1")).slice(-REMEMBERED);
      server.write(onQuestion ? Buffer.from(onQuestion(bytes.toString("latin1")), "latin1") : bytes);
    });
    server.on("data", (bytes: Buffer) => {
      if (line.silent) return;
      switch (onAnswer?.(bytes, { number, said: () => said })) {
        case undefined:
          client.write(bytes);
          break;
        case "drop":
          client.destroy();
          break;
        case "half":
          client.write(bytes.subarray(0, Math.ceil(bytes.length / 2)), () => client.destroy());
          break;
        case "keep":
          line.silent = true;
          break;
        case "trickle":
          line.silent = true;
          client.write(bytes.subarray(0, Math.floor(bytes.length / 2)));
          trickle(client);
          break;
      }
    });
    server.on("close", () => line.silent || client.end());
    client.on("close", () => {
      server.destroy();
      lines.delete(line);
    });
  }

  /** Half an answer, and then a blank for ever. */
  function trickle(client: Socket): void {
    const timer = setInterval(() => client.write(" "), TRICKLE_MS);
    client.once("close", () => clearInterval(timer));
  }

  function cut(): void {
    for (const { client } of lines) client.destroy();
  }

  return {
    get port() {
      return port;
    },
    cut,
    silence() {
      for (const line of lines) line.silent = true;
    },
    shut() {
      listening?.close();
      listening = undefined;
      cut();
    },
    async open() {
      listening ??= await listen();
    },
    async close() {
      listening?.close();
      cut();
    },
  };
}
