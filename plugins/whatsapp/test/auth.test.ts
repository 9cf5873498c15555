import { type AuthStep, ConfigError } from "@bellhop/sdk";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { openedOnce } from "../src/account.ts";
import { connect } from "../src/auth.ts";
import { isLinked } from "../src/keys.ts";
import { QUIET } from "./fake/peer.ts";
import { createFakeServer, ME } from "./fake/server.ts";
import { LINKED, qrContent, socketsTo } from "./fake/socket.ts";

let opened = new AsyncDisposableStack();
afterEach(async () => {
  await opened.disposeAsync();
  opened = new AsyncDisposableStack();
});

async function given() {
  const server = createFakeServer();
  const folder = await mkdtemp(join(tmpdir(), "bellhop-whatsapp-auth-"));
  opened.defer(async () => await rm(folder, { recursive: true }));
  const account = openedOnce(folder, Date.now);
  opened.defer(account.close);
  const begin = (isKept = false) => {
    const flow = connect({
      account,
      isKept,
      settings: { version: undefined },
      makeSocket: socketsTo(server),
      log: QUIET,
      now: () => 0,
      signal: new AbortController().signal,
    });
    opened.defer(async () => void (await flow.return()));
    return flow;
  };
  const next = async (flow: ReturnType<typeof begin>, answer?: string): Promise<AuthStep> => {
    const { value, done } = await flow.next(answer);
    if (done) throw new Error("the flow is over");
    return value;
  };
  return { server, account, begin, next };
}

describe("linking an account", () => {
  it("shows a code to scan, shows the next ones as they come, and is done once the phone has agreed", async () => {
    const { server, account, begin, next } = await given();
    const flow = begin();
    const ask = await next(flow);
    const wait = await next(flow, "qr");
    const qr = await next(flow);
    server.rotate();
    const later = await next(flow);
    server.pair();
    const agreed = await next(flow);
    const done = await next(flow);

    expect([ask, wait, qr, later, agreed, done].map(({ step }) => step)).toEqual([
      "ask",
      "wait",
      "qr",
      "qr",
      "wait",
      "done",
    ]);
    expect([qr, later]).toMatchObject([{ content: qrContent("qr-1") }, { content: qrContent("qr-2") }]);
    expect(done).toMatchObject({
      account: `+${ME.phone}`,
      keep: { WHATSAPP_LINKED_AT: "1970-01-01T00:00:00.000Z" },
    });
    expect(isLinked((await account.open()).keys.creds())).toBe(true);
    expect(server.journal.asked("listen")).toBe(1); // what comes now is for whoever listens
  });

  it("connects anew for other codes when all have gone stale", async () => {
    const { server, begin, next } = await given();
    const flow = begin();
    await next(flow);
    await next(flow, "qr");
    await next(flow);
    server.cut(408);

    expect(await next(flow)).toMatchObject({ step: "qr", content: qrContent("qr-2") });
  });

  it("shows a code to type into the phone of that number", async () => {
    const { server, begin, next } = await given();
    const flow = begin();
    await next(flow);
    await next(flow, "+49 (151) 0000-0001");

    expect(await next(flow)).toMatchObject({ step: "code", code: "ABCD-2345" });
    expect(server.codes).toContain(ME.phone);
    server.pair();
    await next(flow);
    expect(await next(flow)).toMatchObject({ step: "done", account: `+${ME.phone}` });
  });

  it.each(["hello", "0151 1", "+49"])('takes "%s" for no number', async (answer) => {
    const { begin, next } = await given();
    const flow = begin();
    await next(flow);

    await expect(next(flow, answer)).rejects.toThrow(ConfigError);
  });

  it("says so where one is linked already, and takes the place of one that was disconnected", async () => {
    const { account, begin, next } = await given();
    const { keys } = await account.open();
    keys.save({ ...keys.creds(), ...LINKED });

    await expect(next(begin(true))).rejects.toThrow(`+${ME.phone} is linked already`);
    expect(isLinked(keys.creds())).toBe(true);
    await next(begin());
    expect(isLinked(keys.creds())).toBe(false); // it was disconnected before
  });

  it("says why WhatsApp gives no code", async () => {
    const { server, begin, next } = await given();
    const flow = begin();
    await next(flow);
    await next(flow, "qr");
    await next(flow);
    server.cut(405);

    await expect(next(flow)).rejects.toThrow("`version`");
  });
});
