/**
 * The real Baileys: against a server that is not WhatsApp, as far as that goes. It checks who signed the server's key, with
 * a key of WhatsApp's own that it brings along, so no other server gets past the first answer.
 */
import { TemporaryError } from "@bellhop/sdk";
import { openTrickle } from "@bellhop/sdk/testing";
import {
  addTransactionCapability,
  type BinaryNode,
  Curve,
  decryptMessageNode,
  DEFAULT_CONNECTION_CONFIG,
  generateSignalPubKey,
  getBinaryNodeChildren,
  proto,
  writeRandomPadMax16,
} from "baileys";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { WebSocketServer } from "ws";
import { type Account, openAccount } from "../src/account.ts";
import { type ConnectionParts, stayConnected } from "../src/connection.ts";
import { openLeftOver } from "../src/left-over.ts";
import { connectBaileys } from "../src/socket.ts";
import { remembering, rememberingRepository } from "../src/spool.ts";
import { after, QUIET } from "./fake/peer.ts";

let opened = new AsyncDisposableStack();
afterEach(async () => {
  await opened.disposeAsync();
  opened = new AsyncDisposableStack();
});

async function givenAccount() {
  const folder = await mkdtemp(join(tmpdir(), "bellhop-baileys-"));
  opened.defer(async () => await rm(folder, { recursive: true }));
  const account = await openAccount(folder, Date.now);
  opened.defer(account.close);
  return account;
}

function quiet() {
  const logger = { ...DEFAULT_CONNECTION_CONFIG.logger, level: "silent" };
  return Object.assign(Object.create(DEFAULT_CONNECTION_CONFIG.logger), logger);
}

/** As a connection has it. */
function signalsOf({ keys }: Account) {
  const { makeSignalRepository, transactionOpts } = DEFAULT_CONNECTION_CONFIG;
  const store = addTransactionCapability(keys.keys, quiet(), transactionOpts);
  const repository = rememberingRepository(makeSignalRepository)(
    { creds: keys.creds(), keys: store },
    quiet(),
  );
  opened.defer(() => repository.close?.());
  return repository;
}

const optionsFor = (port: number) =>
  ({
    version: [2, 3000, 1],
    markOnline: false,
    url: `ws://127.0.0.1:${port}`,
    sentAs: async () => undefined,
    groupOf: async () => undefined,
    log: QUIET,
  }) satisfies ConnectionParts["options"];

describe("Baileys", () => {
  it("says hello to the server that it is given, and ends with its class where that hangs up", async () => {
    const { keys } = await givenAccount();
    const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
    opened.defer(() => server.close());
    await new Promise((resolve) => server.once("listening", resolve));
    const address = server.address();
    if (typeof address !== "object" || address === null) throw new Error("it has no port");
    const hello = new Promise<Buffer>((resolve) => {
      server.on("connection", (socket) => {
        socket.once("message", (data: Buffer) => {
          resolve(data);
          socket.terminate();
        });
      });
    });

    const over = stayConnected(
      { makeSocket: connectBaileys, keys, options: optionsFor(address.port) },
      {},
      new AbortController().signal,
    );

    await expect(over).rejects.toThrow(TemporaryError);
    const frame = await hello;
    expect(frame.subarray(0, 4).toString("latin1")).toBe("WA\u0006\u0003");
    expect(proto.HandshakeMessage.decode(frame.subarray(7)).clientHello?.ephemeral).toHaveLength(32);
  });

  it("is given up where a server takes the connection and never comes to an end of its answer", async () => {
    const { keys } = await givenAccount();
    const server = opened.use(await openTrickle("HTTP/1.1 101 Switching Protocols\r\nx: "));

    const over = stayConnected(
      {
        makeSocket: connectBaileys,
        keys,
        options: optionsFor(server.port),
        open: { ms: 300, after },
      },
      {},
      new AbortController().signal,
    );

    await expect(over).rejects.toThrow("WhatsApp does not come to an end of letting us in");
  });

  it("keeps its credentials and keys in our file as it gave them", async () => {
    const { keys } = await givenAccount();
    const creds = keys.creds();
    keys.save(creds);
    const data = {
      "pre-key": { "1": creds.signedPreKey.keyPair },
      "app-state-sync-key": {
        k: proto.Message.AppStateSyncKeyData.fromObject({ keyData: new Uint8Array([1, 2]) }),
      },
    };
    await keys.keys.set(data);

    const read = await keys.keys.get("pre-key", ["1", "2"]);
    const sync = await keys.keys.get("app-state-sync-key", ["k"]);

    expect(keys.creds()).toEqual(creds);
    expect(read).toEqual({ "1": creds.signedPreKey.keyPair });
    expect(sync["k"]?.keyData).toEqual(Buffer.from([1, 2]));
  });

  it("opens what was really encrypted for us without a connection, once its device is unlinked", async () => {
    const us = await givenAccount();
    const ann = await givenAccount();
    const [jid, annJid] = ["4915100000001:7@s.whatsapp.net", "7001@s.whatsapp.net"];
    us.keys.save({ ...us.keys.creds(), me: { id: jid } });
    ann.keys.save(ann.keys.creds());
    const repository = { us: signalsOf(us), ann: signalsOf(ann) };
    const { signedIdentityKey: identity, signedPreKey, registrationId } = us.keys.creds();
    const preKey = Curve.generateKeyPair();
    await us.keys.keys.set({ "pre-key": { "1": preKey } });
    await repository.ann.injectE2ESession({
      jid,
      session: {
        registrationId,
        identityKey: generateSignalPubKey(identity.public),
        signedPreKey: {
          keyId: signedPreKey.keyId,
          publicKey: generateSignalPubKey(signedPreKey.keyPair.public),
          signature: signedPreKey.signature,
        },
        preKey: { keyId: 1, publicKey: generateSignalPubKey(preKey.public) },
      },
    });
    async function writes(id: string, conversation: string): Promise<BinaryNode> {
      const data = writeRandomPadMax16(proto.Message.encode({ conversation }).finish());
      const { type, ciphertext } = await repository.ann.encryptMessage({ jid, data });
      const enc = { tag: "enc", attrs: { v: "2", type }, content: ciphertext };
      return { tag: "message", attrs: { id, from: annJid, t: "1", notify: "Ann" }, content: [enc] };
    }
    const [read, unread, broken] = [
      await writes("1", "read already"),
      await writes("2", "not read yet"),
      await writes("3", "broken on its way"),
    ];
    const [enc] = getBinaryNodeChildren(broken, "enc");
    if (!(enc?.content instanceof Uint8Array)) throw new Error("nothing was encrypted");
    enc.content.subarray(-10).fill(0);
    for (const stanza of [read, unread, broken]) us.spool.put(stanza);
    // The first one has used up its key when the process dies.
    await decryptMessageNode(read, jid, "", repository.us, quiet()).decrypt();

    const messages = await openLeftOver(us, QUIET);

    expect(messages.map(({ key, message }) => [key.id, message?.conversation])).toEqual([
      ["1", "read already"],
      ["2", "not read yet"],
      ["3", undefined],
    ]);
    expect(messages[2]?.messageStubType).toBe(proto.WebMessageInfo.StubType.CIPHERTEXT);
  });

  it("opens the same message again, though the key that opened it is used up", async () => {
    const { keys, spool } = await givenAccount();
    const store = addTransactionCapability(keys.keys, quiet(), DEFAULT_CONNECTION_CONFIG.transactionOpts);
    let used = false;
    const real = DEFAULT_CONNECTION_CONFIG.makeSignalRepository(
      { creds: keys.creds(), keys: store },
      quiet(),
    );
    opened.defer(() => real.close?.());
    const once = {
      ...real,
      async decryptMessage() {
        if (used) throw new Error("Key used already or never filled");
        used = true;
        return new Uint8Array([7]);
      },
    };
    const repository = remembering(once, {
      get: (type, ids) => store.get(type as "session", ids),
      set: (data) => store.set(data),
      transaction: (work, name) => store.transaction(work, name),
    });
    const message = { jid: "7001@s.whatsapp.net", type: "msg", ciphertext: new Uint8Array([1]) } as const;
    const attrs = { id: "1", from: "7001@s.whatsapp.net" };
    spool.put({ tag: "message", attrs });

    expect([...(await repository.decryptMessage(message))]).toEqual([7]);
    expect([...(await repository.decryptMessage(message))]).toEqual([7]);
    spool.done({ remoteJid: attrs.from, id: "1" });
    await expect(repository.decryptMessage(message)).rejects.toThrow("used already");
  });
});
