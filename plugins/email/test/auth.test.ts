import { type AuthStep, ConfigError, TemporaryError } from "@bellhop/sdk";
import { randomBytes } from "node:crypto";
import { afterAll, describe, expect, it, onTestFinished } from "vitest";
import { connect } from "../src/auth.ts";
import { withoutDovecot } from "./servers/dovecot.ts";
import { AUTHSERV_ID, type EmailPeer, openServers, RULES } from "./servers/peer.ts";

const why = withoutDovecot();
const servers = why === undefined ? openServers() : undefined;
afterAll(async () => await (await servers)?.close());

async function given(): Promise<EmailPeer> {
  const peer = await (await servers)?.peer();
  if (!peer) throw new Error("there is no Dovecot");
  onTestFinished(peer.close);
  return peer;
}

/** Answers what is asked by the name of the variable. */
async function answered(
  peer: EmailPeer,
  answers: Readonly<Record<string, string>> = {},
  environment = {},
): Promise<AuthStep[]> {
  const all: Readonly<Record<string, string>> = {
    EMAIL_ADDRESS: ` ${peer.address}`,
    EMAIL_SIGN_IN: "",
    EMAIL_PASSWORD: peer.password,
    EMAIL_IMAP: `imap://127.0.0.1:${peer.ports.imap}`,
    EMAIL_SMTP: `smtp://127.0.0.1:${peer.ports.smtp}`,
    EMAIL_AUTHSERV_ID: AUTHSERV_ID,
    ...answers,
  };
  const { signal } = new AbortController();
  const flow = connect({
    plan: { allowPlain: false, rules: RULES, providers: [] },
    environment,
    now: Date.now,
    sleep: async () => expect.fail("nothing is waited for"),
    random: randomBytes,
    signal,
  });
  const steps: AuthStep[] = [];
  for (let next = await flow.next(); !next.done;) {
    steps.push(next.value);
    next = await flow.next(next.value.step === "ask" ? all[next.value.name.replace(/_\d$/, "")] : undefined);
  }
  return steps;
}

describe.skipIf(why !== undefined)(`connecting a mailbox${why === undefined ? "" : ` (${why})`}`, () => {
  it("asks, tries both servers, says whose word its mails bear, and keeps it", async () => {
    const peer = await given();
    const ann = { id: "7001", name: "Ann" };
    await peer.direct(ann).says(ann, "hello");

    const steps = await answered(peer);

    const asked = steps.flatMap((step) => (step.step === "ask" ? [step] : []));
    expect(asked.map(({ name, secret, optional = false }) => [name, secret, optional])).toEqual([
      ["EMAIL_ADDRESS", false, false],
      ["EMAIL_SIGN_IN", false, true],
      ["EMAIL_PASSWORD", true, false],
      ["EMAIL_IMAP", false, true],
      ["EMAIL_SMTP", false, true],
      ["EMAIL_AUTHSERV_ID", false, true],
    ]);
    const last = steps.findLast((step) => step.step === "ask");
    expect(last?.text).toContain(AUTHSERV_ID);
    expect(steps.at(-1)).toMatchObject({
      step: "done",
      account: peer.address,
      keep: { EMAIL_ADDRESS: peer.address, EMAIL_PASSWORD: peer.password, EMAIL_AUTHSERV_ID: AUTHSERV_ID },
    });
    expect(peer.taken).toEqual([]);
  });

  it("puts a second one beside the first", async () => {
    const peer = await given();
    const first = {
      EMAIL_ADDRESS: "a@example.org",
      EMAIL_PASSWORD: "p",
      EMAIL_IMAP: "imaps://a",
      EMAIL_SMTP: "smtps://a",
    };

    expect((await answered(peer, {}, first)).at(-1)).toMatchObject({
      keep: { EMAIL_ADDRESS_2: peer.address },
    });
  });

  it("connects one anew in its place, and what it signed in with counts no more", async () => {
    const peer = await given();
    const before = { EMAIL_ADDRESS_3: peer.address, EMAIL_SIGN_IN_3: "google" };

    const { keep } = (await answered(peer, {}, before)).at(-1) as Extract<AuthStep, { step: "done" }>;

    expect(keep).toMatchObject({ EMAIL_ADDRESS_3: peer.address, EMAIL_SIGN_IN_3: "password" });
  });

  it.each([
    ["an address that is none", { EMAIL_ADDRESS: "bell" }, ConfigError, "no e-mail address"],
    ["a provider that nobody knows", { EMAIL_SIGN_IN: "example" }, ConfigError, "password"],
    ["a wrong password", { EMAIL_PASSWORD: "geheim" }, ConfigError, "app password"],
    ["a server that does not answer", { EMAIL_SMTP: "smtp://127.0.0.1:1" }, TemporaryError, "127.0.0.1"],
    ["a server that cannot encrypt", { EMAIL_SMTP: "" }, TemporaryError, "smtp.test.example"],
  ])("says what is wrong with %s", async (_, wrong, kind, words) => {
    const peer = await given();
    const outcome = await answered(peer, wrong).catch((error: unknown) => error);

    expect(outcome).toBeInstanceOf(kind);
    expect(String(outcome)).toContain(words);
    expect(String(outcome)).not.toContain("geheim");
  });
});
