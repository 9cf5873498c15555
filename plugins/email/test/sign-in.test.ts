/** Signing in, step by step, with a strict authorization server in a time of its own. */
import { type AuthStep, ConfigError, createWire } from "@bellhop/sdk";
import { describe, expect, it, onTestFinished } from "vitest";
import { createOauth } from "../src/oauth.ts";
import { signIn } from "../src/sign-in.ts";
import { type Authority, CLIENT_ID, CLIENT_SECRET, openAuthority } from "./servers/authority.ts";

const BELL = "bell@test.example";
const { signal } = new AbortController();

/** @param meanwhile is done at each pause, with how many there were before */
async function given(
  grant: "device" | "code",
  { meanwhile = () => undefined }: { meanwhile?: (pause: number, userCode: string) => void } = {},
) {
  const authority = await openAuthority({ grant });
  const wire = createWire();
  onTestFinished(async () => {
    wire.close();
    await authority.close();
  });
  const { provider, time } = authority;
  const pauses: number[] = [];
  let userCode = "";
  const client = { provider, id: CLIENT_ID, secret: grant === "code" ? CLIENT_SECRET : undefined };
  const flow = signIn({
    provider,
    clientId: CLIENT_ID,
    oauth: createOauth({ client, wire, now: time.now }),
    address: BELL,
    now: time.now,
    async sleep(ms) {
      meanwhile(pauses.length, userCode);
      pauses.push(ms / 1_000);
      time.advance(ms);
    },
    random: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
    signal,
  });

  async function begun(): Promise<AuthStep> {
    const { value, done } = await flow.next();
    if (done) throw new Error("nothing was shown");
    if (value.step === "code") userCode = value.code;
    return value;
  }
  const ended = async (answer?: string) => {
    const { value, done } = await flow.next(answer);
    if (!done) throw new Error("it goes on");
    return value;
  };
  return { authority, pauses, begun, ended };
}

const isLetIn = (authority: Authority, { accessToken }: { accessToken: string }) =>
  authority.isGood(BELL, accessToken);

describe("signing in with a code", () => {
  it("shows where to type it in, and asks no oftener than the server allows until somebody has", async () => {
    const { authority, pauses, begun, ended } = await given("device", {
      meanwhile: (pause, code) => pause === 2 && authority.approve(code, BELL),
    });

    const shown = await begun();
    const grant = await ended();

    expect(shown).toMatchObject({ step: "code", code: expect.stringMatching(/^\S{8}$/) });
    expect(shown.text).toContain(`${authority.url}/device`);
    expect(shown.text).toContain(BELL);
    expect(isLetIn(authority, grant)).toBe(true);
    expect(grant.refreshToken).toBeDefined();
    expect(pauses).toEqual([5, 5, 5]);
  });

  it("asks more rarely where the server wants that, or cannot answer", async () => {
    const { authority, pauses, begun, ended } = await given("device", {
      meanwhile: (pause, code) => pause === 3 && authority.approve(code, BELL),
    });
    await begun();
    authority.instead.push({ status: 400, body: '{"error":"slow_down"}' }, { status: 503 });

    await ended();

    expect(pauses).toEqual([5, 10, 20, 20]);
  });

  it.each([
    ["nobody types it in", () => undefined, "in time"],
    ["whoever signs in says no", (authority: Authority, code: string) => authority.deny(code), "told no"],
  ])("says so where %s", async (_, does, words) => {
    const { authority, pauses, begun, ended } = await given("device", {
      meanwhile: (_pause, code) => does(authority, code),
    });
    await begun();

    await expect(ended()).rejects.toThrow(words);
    expect(pauses.length).toBeLessThanOrEqual(180);
  });

  it("ends with whoever wanted it", async () => {
    const { begun, ended } = await given("device", {
      meanwhile() {
        throw new Error("gone");
      },
    });
    await begun();

    await expect(ended()).rejects.toThrow("gone");
  });
});

describe("signing in at an address", () => {
  const addressIn = ({ text }: { text: string }) => /http:\S+\/authorize\S+/.exec(text)?.[0] ?? "";

  it("takes the address that the browser was led to, wherever that runs", async () => {
    const { authority, begun, ended } = await given("code");
    const shown = (await begun()) as Extract<AuthStep, { step: "ask" }>;

    const grant = await ended(` ${authority.visit(addressIn(shown), BELL)}\n`);

    expect(isLetIn(authority, grant)).toBe(true);
    expect(grant.refreshToken).toBeDefined();
  });

  it.each([
    ["no address", () => "yes, done", "code="],
    ["the address that was to be opened", (_: Authority, address: string) => address, "code="],
    [
      "one of another attempt",
      (authority: Authority, address: string) => {
        const other = new URL(address);
        other.searchParams.set("state", "of-another-one");
        return authority.visit(other.href, "eve@test.example");
      },
      "another attempt",
    ],
    [
      "one that says no",
      (authority: Authority, address: string) => authority.visit(address, BELL, "no"),
      "said no",
    ],
    [
      "a code for the proof of somebody else",
      (authority: Authority, address: string) => {
        const other = new URL(address);
        other.searchParams.set("code_challenge", "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU");
        return authority.visit(other.href, "eve@test.example");
      },
      "invalid_grant",
    ],
  ])("refuses %s", async (_, answerOf, words) => {
    const { authority, begun, ended } = await given("code");
    const shown = (await begun()) as Extract<AuthStep, { step: "ask" }>;
    const outcome = ended(answerOf(authority, addressIn(shown)));

    await expect(outcome).rejects.toThrow(ConfigError);
    await expect(outcome).rejects.toThrow(words);
  });
});
