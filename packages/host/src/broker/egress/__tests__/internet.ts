/**
 * A small internet on this machine: names, public addresses, and servers behind them, with an authority that signs
 * for all of them. The broker reaches it through the same checks as the real one; only where an address leads to is ours.
 */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { type AddressInfo, connect, isIP, type Server as TcpServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSecureContext, type SecureContext } from "node:tls";
import { promisify } from "node:util";
import { addressKind } from "../../../core/address.ts";
import type { Certificates } from "../../certificates.ts";
import type { Network } from "../network.ts";

const run = promisify(execFile);

export interface Authority extends Certificates {
  pair(host: string): Promise<{ key: Buffer; cert: Buffer }>;
  remove(): Promise<void>;
}

export async function authority(name: string): Promise<Authority> {
  const directory = await mkdtemp(join(tmpdir(), "bellhop-ca-"));
  const file = (...parts: string[]) => join(directory, parts.join("."));
  const openssl = (...args: string[][]) => run("openssl", args.flat());
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  await openssl(
    ["req", "-x509", ...newKey, "-keyout", file("ca", "key"), "-out", file("ca", "pem"), "-days", "2"],
    ["-subj", `/CN=${name}`],
  );
  const pairs = new Map<string, Promise<{ key: Buffer; cert: Buffer }>>();

  async function make(host: string): Promise<{ key: Buffer; cert: Buffer }> {
    const at = host.replaceAll(/[^a-z0-9.-]/g, "_");
    const subject = isIP(host) === 0 ? `DNS:${host}` : `IP:${host}`;
    await writeFile(file(at, "ext"), `subjectAltName=${subject}\n`);
    await openssl([
      "req",
      ...newKey,
      "-keyout",
      file(at, "key"),
      "-out",
      file(at, "csr"),
      "-subj",
      "/CN=a host",
    ]);
    await openssl(
      ["x509", "-req", "-in", file(at, "csr"), "-CA", file("ca", "pem"), "-CAkey", file("ca", "key")],
      ["-set_serial", String(pairs.size + 1), "-days", "2", "-extfile", file(at, "ext")],
      ["-out", file(at, "pem")],
    );
    return { key: await readFile(file(at, "key")), cert: await readFile(file(at, "pem")) };
  }

  function pair(host: string) {
    const there = pairs.get(host) ?? make(host);
    pairs.set(host, there);
    return there;
  }

  return {
    ca: await readFile(file("ca", "pem"), "utf8"),
    pair,
    contextFor: async (host): Promise<SecureContext> => createSecureContext(await pair(host)),
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}

export interface Site {
  readonly host: string;
  readonly port: number;
  readonly server: Server | TcpServer;
  /** Where it is on the small internet. */
  readonly address: string;
}

export type Internet = Awaited<ReturnType<typeof openInternet>>;

export async function openInternet() {
  const roots = await authority("The small internet");
  const names = new Map<string, readonly string[]>();
  /** `address:port` there → a port here. */
  const places = new Map<string, number>();
  const servers: (Server | TcpServer)[] = [];
  const sockets = new Set<Socket>();
  const asked: string[] = [];
  const dialled: string[] = [];
  let next = 1;

  const network: Network = {
    resolve(host) {
      asked.push(host);
      const found = names.get(host);
      return found ? Promise.resolve(found) : Promise.reject(new Error(`ENOTFOUND ${host}`));
    },
    kindOf: addressKind,
    dial(address, port) {
      dialled.push(`${address}:${port}`);
      // Port 1 refuses whoever comes.
      return connect({ host: "127.0.0.1", port: places.get(`${address}:${port}`) ?? 1, noDelay: true });
    },
    roots: () => [roots.ca],
    own: () => ["93.184.216.250"],
  };

  async function place(host: string, port: number, server: Server | TcpServer, at?: string): Promise<Site> {
    await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
    server.on("connection", (socket: Socket) => {
      sockets.add(socket);
      socket.once("close", () => sockets.delete(socket));
    });
    servers.push(server);
    const address = at ?? names.get(host)?.[0] ?? `93.184.216.${next++}`;
    if (isIP(host) === 0) names.set(host, [address]);
    // A server on a port always has such an address.
    places.set(`${address}:${port}`, (server.address() as AddressInfo).port);
    return { host, port, server, address };
  }

  return {
    roots,
    network,
    names,
    /** Names that were looked up, and addresses that were connected to. */
    asked,
    dialled,
    place,
    async site(
      host: string,
      serve: RequestListener,
      { port = 443, at }: { port?: number; at?: string } = {},
    ) {
      return await place(host, port, createTlsServer(await roots.pair(host), serve), at);
    },
    plainSite: (
      host: string,
      serve: RequestListener,
      { port = 80, at }: { port?: number; at?: string } = {},
    ) => place(host, port, createServer(serve), at),
    async close() {
      for (const socket of sockets) socket.destroy();
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
      await roots.remove();
    },
  };
}
