/** Mailboxes that take tokens: a real Dovecot and a real SMTP server, which ask a strict authorization server about them. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { type AuthStep, type Channel, ConfigError, type Inbound, type Logger } from "@bellhop/sdk";
import { createChanges } from "@bellhop/sdk/testing";
import { afterAll, describe, expect, it, onTestFinished } from "vitest";
import { connect } from "../src/auth.ts";
import { openLogins } from "../src/logins.ts";
import { type Credentials, planOf } from "../src/settings.ts";
import { type Authority, CLIENT_ID, openAuthority } from "./servers/authority.ts";
import { withoutDovecot } from "./servers/dovecot.ts";
import { AUTHSERV_ID, openServers, RULES } from "./servers/peer.ts";

const why = withoutDovecot();
const running = why === undefined ? open() : undefined;
const passwordsAlone = why === undefined ? openServers() : undefined;
afterAll(async () => {
  await (await running)?.servers.close();
  await (await running)?.authority.close();
  await (await passwordsAlone)?.close();
});

async function open() {
  const authority = await openAuthority();
  return { authority, servers: await openServers(undefined, authority) };
}

const log: Logger = { debug() {}, info() {}, warn() {}, error() {} };
const ANN = { id: "7001", name: "Ann" };

/** An account that has signed in, of a plugin that has just started. */
async function given(where = running) {
  const { authority, servers } = (await where) ?? missing("Dovecot");
  const peer = await servers.peer();
  const folder = mkdtempSync(join(tmpdir(), "bellhop-oauth-"));
  const stop = new AbortController();
  const { signal } = stop;
  onTestFinished(async () => {
    stop.abort(new Error("the test is over"));
    await peer.close();
    rmSync(folder, { recursive: true });
  });
  authority.asked.length = 0;
  const { now } = authority.time;
  const start = async (credentials: Credentials) => {
    const account = { number: 1, credentials };
    const loginOf = await openLogins([account], { folder, now, log, signal });
    return peer.connect(loginOf(account));
  };
  const { provider } = authority;
  const signedIn: Credentials = {
    how: "token",
    provider,
    clientId: CLIENT_ID,
    clientSecret: undefined,
    refreshToken: authority.signIn(peer.address),
  };
  return { authority, peer, start, signedIn, signal };
}

/** What it hears, and how its listening ended. */
function listening(channel: Channel, signal: AbortSignal) {
  const changes = createChanges();
  const heard: Inbound[] = [];
  let cursor: string | undefined;
  const accept = async (inbound: Inbound, at?: string) => {
    heard.push(inbound);
    cursor = at ?? cursor;
    changes.note();
  };
  return {
    listen: async () =>
      await channel.listen?.(cursor, accept, signal).then(
        () => expect.fail("it ended by itself"),
        (error: unknown) => error,
      ),
    hears: (text: string) => changes.until(() => heard.find((one) => one.text.includes(text))),
  };
}

const TOKENS = ["refresh_token"];

describe.skipIf(why !== undefined)(`an account that signs in${why === undefined ? "" : ` (${why})`}`, () => {
  it("hears and answers with one token for both of its servers", async () => {
    const { authority, peer, start, signedIn, signal } = await given();
    const channel = await start(signedIn);
    const { listen, hears } = listening(channel, signal);
    void listen();

    await peer.direct(ANN).says(ANN, "are you there?");
    const { chat } = await hears("are you there?");
    await channel.send({ kind: "text", key: "1", chat, text: "I am." }, signal);

    expect(peer.taken.map(({ mail }) => mail.text?.trim())).toEqual(["I am."]);
    expect(authority.asked).toEqual(TOKENS);
    expect(channel.health?.()).toEqual({ state: "up" });
  });

  it("comes back with a new one, where the connection ends after the time of the old", async () => {
    const { authority, peer, start, signedIn, signal } = await given();
    const channel = await start(signedIn);
    const { listen, hears } = listening(channel, signal);
    const first = listen();
    await peer.direct(ANN).says(ANN, "before");
    await hears("before");

    authority.time.advance(authority.seconds * 1_000);
    peer.cut();
    expect(await first).not.toBeInstanceOf(ConfigError);
    void listen();
    await peer.direct(ANN).says(ANN, "after");

    await hears("after");
    expect(authority.asked).toEqual([...TOKENS, ...TOKENS]);
  });

  it("asks for another one, once, where a server refuses one whose time is not over", async () => {
    const { authority, peer, start, signedIn, signal } = await given();
    const channel = await start(signedIn);
    const send = async (key: string) =>
      await channel.send({ kind: "text", key, chat: "ann@people.example", text: key }, signal);
    await send("first");
    authority.refuseAccess();
    await send("second"); // SMTP finds out

    authority.refuseAccess();
    const { listen, hears } = listening(channel, signal);
    void listen(); // IMAP finds out
    await peer.direct(ANN).says(ANN, "hello");
    await hears("hello");

    expect(peer.taken.map(({ mail }) => mail.text?.trim())).toEqual(["first", "second"]);
    expect(authority.asked).toEqual([...TOKENS, ...TOKENS, ...TOKENS]);
  });

  it("is down, in one clear line without a secret in it, once the sign-in is revoked", async () => {
    const { authority, peer, start, signedIn, signal } = await given();
    const channel = await start(signedIn);
    await channel.send({ kind: "text", key: "1", chat: "ann@people.example", text: "hello" }, signal);
    authority.revoke(peer.address);

    const ends = [
      await listening(channel, signal).listen(),
      await channel
        .send({ kind: "text", key: "2", chat: "ann@people.example", text: "hello" }, signal)
        .catch((error: unknown) => error),
    ];

    for (const error of ends) {
      expect(error).toBeInstanceOf(ConfigError);
      expect(String(error)).toContain("connect again with bellhop channels connect email (invalid_grant)");
      expect(String(error).length).toBeLessThanOrEqual(300);
      expect(leaks(error, authority)).toEqual([]);
    }
    expect(channel.health?.()).toMatchObject({
      state: "down",
      why: expect.stringContaining("connect again"),
    });
    expect(peer.taken).toHaveLength(1);
  });

  it("is told whose fault it is, where somebody else has signed in", async () => {
    const { authority, start, signedIn, signal } = await given();
    const channel = await start({ ...signedIn, refreshToken: authority.signIn("eve@test.example") });

    const ends = [
      await listening(channel, signal).listen(),
      await channel
        .send({ kind: "text", key: "1", chat: "ann@people.example", text: "hello" }, signal)
        .catch((error: unknown) => error),
    ];

    for (const error of ends) {
      expect(error).toBeInstanceOf(ConfigError);
      expect(String(error)).toContain("this address that signed in");
      expect(String(error).length).toBeLessThanOrEqual(300);
      expect(leaks(error, authority)).toEqual([]);
    }
  });

  it("is told where a server takes passwords alone", async () => {
    const { authority } = (await running) ?? missing("Dovecot");
    const servers = (await passwordsAlone) ?? missing("Dovecot");
    const { start, signedIn, signal } = await given(Promise.resolve({ authority, servers }));
    const channel = await start(signedIn);

    const heard = await listening(channel, signal).listen();
    const sent = channel.send({ kind: "text", key: "1", chat: "ann@people.example", text: "hello" }, signal);

    expect(heard).toBeInstanceOf(ConfigError);
    expect(String(heard)).toMatch(/IMAP server .* takes no sign-in with tokens/);
    await expect(sent).rejects.toThrow(/SMTP server .* takes no sign-in with tokens/);
  });

  it("is connected by a code, and what is kept of that is all that it needs", async () => {
    const { authority, peer, start, signal } = await given();
    const { provider, time } = authority;
    const [imap, smtp] = [`imap://127.0.0.1:${peer.ports.imap}`, `smtp://127.0.0.1:${peer.ports.smtp}`];
    let userCode = "";
    const flow = connect({
      plan: { allowPlain: false, rules: RULES, providers: [{ ...provider, imap, smtp }] },
      environment: {},
      now: time.now,
      async sleep(ms) {
        time.advance(ms);
        authority.approve(userCode, peer.address);
      },
      random: () => expect.fail("it needs no proof"),
      signal,
    });
    const answers = { EMAIL_ADDRESS: peer.address, EMAIL_SIGN_IN: "", EMAIL_CLIENT_ID: CLIENT_ID };
    const asked: string[] = [];
    let last: AuthStep | undefined;
    for (let next = await flow.next(); !next.done;) {
      const step = next.value;
      if (step.step === "ask") asked.push(step.name);
      if (step.step === "code") userCode = step.code;
      last = step;
      const answer = { EMAIL_AUTHSERV_ID: AUTHSERV_ID, ...answers }[step.step === "ask" ? step.name : ""];
      next = await flow.next(answer);
    }

    expect(asked).toEqual(["EMAIL_ADDRESS", "EMAIL_SIGN_IN", "EMAIL_CLIENT_ID", "EMAIL_AUTHSERV_ID"]);
    const { keep = {} } = last as Extract<AuthStep, { step: "done" }>;
    const { name, ...rest } = provider;
    const [account] = planOf({ providers: { [name]: rest } }, keep).accounts;
    const channel = await start(account?.credentials ?? missing("account"));
    await channel.send({ kind: "text", key: "1", chat: "ann@people.example", text: "hello" }, signal);
    expect(peer.taken).toHaveLength(1);
  });
});

function missing(what: string): never {
  throw new Error(`there is no ${what}`);
}

/** Secrets that stand anywhere in it, as they are or as the protocols write them. */
function leaks(error: unknown, { secrets }: Authority): string[] {
  const said = inspect(error, { depth: Infinity, showHidden: true });
  const read = (said.match(/[\w+/=-]{16,}/g) ?? []).map((one) =>
    Buffer.from(one, "base64").toString("latin1"),
  );
  return [...secrets].filter((one) => [said, ...read].some((text) => text.includes(one)));
}
