/** Access tokens, from a strict authorization server in a time of its own. */
import { inspect } from "node:util";
import { ConfigError, createWire, TemporaryError } from "@bellhop/sdk";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Kept } from "../src/kept.ts";
import { createOauth } from "../src/oauth.ts";
import { createTokens } from "../src/token.ts";
import { CLIENT_ID, openAuthority } from "./servers/authority.ts";

const BELL = "bell@test.example";
const MINUTE_MS = 60_000;
const { signal } = new AbortController();

async function given() {
  const authority = await openAuthority();
  const wire = createWire();
  onTestFinished(async () => {
    wire.close();
    await authority.close();
  });
  const { now, advance } = authority.time;
  const disk = { newest: authority.signIn(BELL), fails: false };
  const kept: Kept = {
    newest: () => disk.newest,
    async keep(token) {
      if (disk.fails) throw new Error("no space left");
      disk.newest = token;
    },
  };
  const client = { provider: authority.provider, id: CLIENT_ID, secret: undefined };
  /** As a process that has just started. */
  const start = (keeps: Kept = kept) =>
    createTokens({ oauth: createOauth({ client, wire, now }), kept: keeps, now, signal });
  const isGood = (token: string) => authority.isGood(BELL, token);
  return { authority, advance, disk, kept, start, isGood, tokens: start() };
}

async function errorOf(work: Promise<unknown>): Promise<Error> {
  const outcome = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(outcome instanceof Error)) throw new Error("it did not fail");
  return outcome;
}

describe("an access token", () => {
  it("is asked for once, and used until a minute before its end", async () => {
    const { authority, advance, tokens, isGood } = await given();

    const [first, same] = await Promise.all([tokens.get(signal), tokens.get(signal)]);
    advance(59 * MINUTE_MS - 1);
    const stillSame = await tokens.get(signal);
    advance(1);
    const second = await tokens.get(signal);

    expect([same, stillSame]).toEqual([first, first]);
    expect(second).not.toBe(first);
    expect(isGood(second)).toBe(true);
    expect(authority.asked).toEqual(["refresh_token", "refresh_token"]);
  });

  it("is another one after it was refused, and one refusal of it counts once", async () => {
    const { authority, tokens } = await given();
    const first = await tokens.get(signal);

    tokens.refused(first);
    const second = await tokens.get(signal);
    tokens.refused(first); // the other server, late

    expect(second).not.toBe(first);
    expect(await tokens.get(signal)).toBe(second);
    expect(authority.asked).toHaveLength(2);
  });

  it("lets go who does not want to wait, and comes for who does", async () => {
    const { tokens, isGood } = await given();
    const gone = new AbortController();

    const left = errorOf(tokens.get(gone.signal));
    const stays = tokens.get(signal);
    gone.abort(new Error("the host stops"));

    expect((await left).message).toBe("the host stops");
    expect(isGood(await stays)).toBe(true);
  });
});

describe("a refresh token that is good once", () => {
  it("is on disk before what came with it is used, so that a kill after that costs nothing", async () => {
    const { advance, disk, start, tokens, isGood } = await given();
    const first = disk.newest;
    await tokens.get(signal);
    expect(disk.newest).not.toBe(first);

    advance(60 * MINUTE_MS);

    expect(isGood(await start().get(signal))).toBe(true);
  });

  /** It has been received, and is never on disk: nothing after that counts. */
  async function killedBeforeKeeping({ kept, start }: Awaited<ReturnType<typeof given>>): Promise<void> {
    const killed = Promise.withResolvers<void>();
    const dying = start({
      newest: kept.newest,
      keep: async () => {
        killed.resolve();
        await new Promise(() => undefined);
      },
    });
    void dying.get(signal);
    await killed.promise;
  }

  it("survives a kill before that too, where its provider lets the old one live as Microsoft does", async () => {
    const house = await given();
    house.authority.rotation = "lenient";
    await killedBeforeKeeping(house);

    expect(house.isGood(await house.start().get(signal))).toBe(true);
  });

  it("else asks for a new sign-in, in one clear line", async () => {
    const house = await given();
    await killedBeforeKeeping(house);

    const error = await errorOf(house.start().get(signal));

    expect(error).toBeInstanceOf(ConfigError);
    expect(error.message).toMatch(/connect again with bellhop channels connect email \(invalid_grant\)\.$/);
  });

  it("is not lost to a full disk: it is written before the next is asked for", async () => {
    const { authority, disk, tokens, isGood } = await given();
    disk.fails = true;
    const error = await errorOf(tokens.get(signal));
    expect(error).toBeInstanceOf(TemporaryError);
    expect(await errorOf(tokens.get(signal))).toBeInstanceOf(TemporaryError);
    expect(authority.asked).toHaveLength(1);

    disk.fails = false;

    expect(isGood(await tokens.get(signal))).toBe(true);
  });

  it("stays what it is where the provider gives no other", async () => {
    const { authority, advance, disk, tokens } = await given();
    authority.rotation = "none";
    const first = disk.newest;

    await tokens.get(signal);
    advance(60 * MINUTE_MS);
    await tokens.get(signal);

    expect(disk.newest).toBe(first);
  });
});

describe("an authorization server that gives no token", () => {
  const HOUR_MS = 60 * MINUTE_MS;
  it.each([
    [
      "is asked again later where it is too busy",
      { status: 429, headers: { "retry-after": "3600" } },
      HOUR_MS,
    ],
    ["is asked again where it is down", { status: 503, headers: { "retry-after": "7" } }, 7_000],
    ["is asked again where it fails and does not say when", { status: 500 }, undefined],
    [
      "is asked again where it says so by its own code",
      { status: 400, body: '{"error":"server_error"}' },
      undefined,
    ],
    ["is asked again where it hangs up", { status: 0, cut: true }, undefined],
  ])("%s", async (_, answer, retryAfterMs) => {
    const { authority, tokens, isGood } = await given();
    authority.instead.push(answer);

    const error = await errorOf(tokens.get(signal));

    expect(error).toBeInstanceOf(TemporaryError);
    expect(error).toMatchObject({ retryAfterMs });
    expect(isGood(await tokens.get(signal))).toBe(true);
  });

  it.each([
    ["a page in place of an answer", { status: 200, body: "<html>" }, "providers"],
    [
      "a token of another kind",
      { status: 200, body: '{"access_token":"x","token_type":"mac"}' },
      "providers",
    ],
    [
      "a token that would begin a line of its own",
      { status: 200, body: '{"access_token":"x\\u0001auth=y","token_type":"Bearer"}' },
      "providers",
    ],
    [
      "an app that it does not know",
      { status: 401, body: JSON.stringify({ error: "invalid_client", error_description: "x ".repeat(500) }) },
      "client id",
    ],
    [
      "something for a person to do",
      { status: 400, body: '{"error":"interaction_required"}' },
      "connect again",
    ],
    [
      "a code of its own",
      { status: 400, body: '{"error":"odd","error_description":"AADSTS1:\\r\\n app-of-the-owner"}' },
      `AADSTS1: ${CLIENT_ID}`,
    ],
  ])("is for its owner to mend: %s", async (_, answer, words) => {
    const { authority, tokens } = await given();
    authority.instead.push(answer);

    const error = await errorOf(tokens.get(signal));

    expect(error).toBeInstanceOf(ConfigError);
    expect(error.message).toContain(words);
    expect(error.message.length).toBeLessThanOrEqual(300);
  });

  it("says nothing of what it was sent or has given, also where the server repeats it", async () => {
    const { authority, tokens } = await given();
    await tokens.get(signal);
    authority.revoke(BELL);
    authority.time.advance(HOUR_MS);

    const error = await errorOf(tokens.get(signal));

    expect(error.message).toContain("invalid_grant");
    const all = inspect(error, { depth: Infinity, showHidden: true });
    for (const secret of authority.secrets) expect(all).not.toContain(secret);
  });
});
