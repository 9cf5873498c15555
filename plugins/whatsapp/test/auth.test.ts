import { type AuthStep, ConfigError } from "@bellhop/sdk";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { openedOnce } from "../src/account.ts";
import { connect } from "../src/auth.ts";
import { isLinked } from "../src/keys.ts";
import { placesOf } from "../src/settings.ts";
import { QUIET } from "./fake/peer.ts";
import { createFakeServer, ME, type Me, OTHER_ME } from "./fake/server.ts";
import { linkedBy, qrContent, socketsTo } from "./fake/socket.ts";

let opened = new AsyncDisposableStack();
afterEach(async () => {
  await opened.disposeAsync();
  opened = new AsyncDisposableStack();
});

async function given() {
  const server = createFakeServer();
  const folder = await mkdtemp(join(tmpdir(), "bellhop-whatsapp-auth-"));
  opened.defer(async () => await rm(folder, { recursive: true }));
  const accounts = [1, 2, 3].map((number) => openedOnce(folder, Date.now, number));
  for (const { close } of accounts) opened.defer(close);
  /** @param kept variables that stand in `.env` */
  const begin = (...kept: string[]) => {
    const environment = Object.fromEntries(kept.map((variable) => [variable, "then"]));
    const places = placesOf({ accounts: ["", "work"] }, environment);
    const flow = connect({
      places: places.map((place, index) => ({ ...place, opened: accounts[index] ?? unheardOf() })),
      makeSocket: socketsTo(server),
      log: QUIET,
      now: () => 0,
      signal: new AbortController().signal,
    });
    opened.defer(async () => void (await flow.return()));
    return flow;
  };
  /** As if the phone of that account had taken a device in. */
  const link = async (number: number, me: Me) => {
    const { keys } = (await accounts[number - 1]?.open()) ?? unheardOf();
    keys.save({ ...keys.creds(), ...linkedBy(me) });
  };
  const credsOf = async (number: number) =>
    ((await accounts[number - 1]?.open()) ?? unheardOf()).keys.creds();
  const next = async (flow: ReturnType<typeof begin>, answer?: string): Promise<AuthStep> => {
    const { value, done } = await flow.next(answer);
    if (done) throw new Error("the flow is over");
    return value;
  };
  return { server, begin, next, link, credsOf };
}

function unheardOf(): never {
  throw new Error("there is no such account");
}

describe("linking an account", () => {
  it("shows a code to scan, shows the next ones as they come, and is done once the phone has agreed", async () => {
    const { server, credsOf, begin, next } = await given();
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
    expect(isLinked(await credsOf(1))).toBe(true);
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

  it("puts another account beside the one that is linked", async () => {
    const { server, begin, next, link, credsOf } = await given();
    await link(1, OTHER_ME);
    const flow = begin("WHATSAPP_LINKED_AT");
    const ask = await next(flow);
    await next(flow, "qr");
    await next(flow);
    server.pair();
    await next(flow);

    expect(ask).toMatchObject({
      text: expect.stringContaining(
        `Linked already: +${OTHER_ME.phone} as whatsapp.\nThis links another account, as whatsapp/work.\n`,
      ),
    });
    expect(await next(flow)).toMatchObject({ keep: { WHATSAPP_LINKED_AT_2: "1970-01-01T00:00:00.000Z" } });
    expect((await Promise.all([credsOf(1), credsOf(2)])).map(({ me }) => me?.name)).toEqual([
      OTHER_ME.name,
      ME.name,
    ]);
  });

  it("links the account again that WhatsApp has unlinked, before it links another one", async () => {
    const { server, begin, next, link } = await given();
    await link(1, OTHER_ME);
    const flow = begin("WHATSAPP_LINKED_AT", "WHATSAPP_LINKED_AT_2");
    const ask = await next(flow);
    await next(flow, "qr");
    await next(flow);
    server.pair();
    await next(flow);

    expect(ask).toMatchObject({ text: expect.stringContaining("whatsapp/work is not linked any more") });
    expect(await next(flow)).toMatchObject({ keep: { WHATSAPP_LINKED_AT_2: expect.any(String) } });
  });

  it("does not link the same account twice, and says what to do with the device", async () => {
    const { server, begin, next, link, credsOf } = await given();
    await link(1, ME);
    const scanned = begin("WHATSAPP_LINKED_AT");
    await next(scanned);
    await next(scanned, "qr");
    await next(scanned);
    server.pair();
    await next(scanned);

    await expect(next(scanned)).rejects.toThrow(`+${ME.phone} is linked already, as whatsapp.`);
    const typed = begin("WHATSAPP_LINKED_AT");
    await next(typed);
    await expect(next(typed, `+${ME.phone}`)).rejects.toThrow("the newest one");
    expect([isLinked(await credsOf(1)), isLinked(await credsOf(2))]).toEqual([true, false]);
    expect(server.codes).toEqual(["qr-1"]);
  });

  it("says so where there is no room, and takes the place of an account that was disconnected", async () => {
    const { begin, next, link, credsOf } = await given();
    for (const number of [1, 2, 3]) await link(number, { ...ME, phone: `4915${number}` });
    const variables = ["WHATSAPP_LINKED_AT", "WHATSAPP_LINKED_AT_2", "WHATSAPP_LINKED_AT_3"];

    await expect(next(begin(...variables))).rejects.toThrow(
      "There are 3 WhatsApp accounts already: +49151 as whatsapp, +49152 as whatsapp/work, +49153 as whatsapp/3.",
    );
    await next(begin("WHATSAPP_LINKED_AT", "WHATSAPP_LINKED_AT_3"));
    expect(await Promise.all([1, 2, 3].map(async (one) => isLinked(await credsOf(one))))).toEqual([
      true,
      false,
      true,
    ]);
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
