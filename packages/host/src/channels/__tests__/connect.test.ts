import { type AuthFlow, ConfigError } from "@bellhop/sdk";
import { describe, expect, it } from "vitest";
import type { ConnectStep } from "../../core/connect.ts";
import { createKnownSecrets } from "../../core/known-secrets.ts";
import { fakeClock } from "../../core/testing.ts";
import { silentLog } from "../../log.ts";
import { createConnecting } from "../connect.ts";
import { fakeConnectable, TOKEN } from "./fake-flow.ts";

function given(connectable = fakeConnectable(), inEnv = new Set<string>()) {
  const kept: object[] = [];
  const noted: { action: string; detail: string }[] = [];
  const secrets = createKnownSecrets([]);
  const clock = fakeClock();
  const connecting = createConnecting({
    connectable,
    keep: async (values) => void kept.push({ ...values, hidden: secrets.hide(Object.values(values).join()) }),
    forget: async (variables) => variables.filter((variable) => inEnv.delete(variable)),
    kept: async (variables) => variables.filter((variable) => inEnv.has(variable)),
    secrets,
    audit: { note: async (entry) => void noted.push(entry) },
    clock,
    log: silentLog,
  });
  /** How far each attempt was looked at. */
  const seen = new Map<string, number>();
  return { ...connecting, connectable, kept, noted, secrets, clock, seen };
}

type Given = ReturnType<typeof given>;

/** The next step that is one of these. */
async function until(house: Given, id: string, ...wanted: ConnectStep["step"][]) {
  for (;;) {
    const step = await house.next("fake", id, house.seen.get(id) ?? -1, 1_000);
    house.seen.set(id, step.number);
    if (wanted.includes(step.shown.step)) return step;
    if (step.shown.step === "done" || step.shown.step === "failed")
      throw new Error(`it is over: ${JSON.stringify(step.shown)}`);
  }
}

async function answers(house: Given, id: string, value: string) {
  const { number, shown } = await until(house, id, "ask", "failed");
  house.answer("fake", id, number, value);
  return shown;
}

/** One that shows nothing, and ends as told. */
async function* flowOf(end: () => Promise<undefined>): AuthFlow {
  const step = await end();
  if (step) yield step;
}

describe("connecting an account", () => {
  it("shows step after step and keeps what the plugin wants kept, as a secret that nobody is shown", async () => {
    const house = given();
    const id = house.begin("fake", "the owner");

    const asked = await answers(house, id, TOKEN);
    const qr = await until(house, id, "qr");
    await answers(house, id, "home");
    const { shown } = await until(house, id, "done");

    expect(asked).toEqual({ step: "ask", name: "FAKE_TOKEN", text: "The token of your bot?", secret: true });
    expect(qr.shown).toMatchObject({ content: "https://fake.example/link#first" });
    expect(shown).toEqual({ step: "done", account: "home", text: "Well done.", kept: ["FAKE_TOKEN"] });
    expect(house.kept).toEqual([{ FAKE_TOKEN: TOKEN, hidden: "[hidden]" }]);
    expect(house.noted).toMatchObject([
      { action: "channels.connect", detail: "the account home; kept: FAKE_TOKEN" },
    ]);
  });

  it("knows what is typed as a secret for one before its plugin has it", async () => {
    const house = given();
    const id = house.begin("fake", "the owner");

    await answers(house, id, "wrong-but-still-secret");
    const { shown } = await until(house, id, "failed");

    expect(shown).toEqual({ step: "failed", why: "fake: that token is refused; ask for another one." });
    expect(house.secrets.hide("it was wrong-but-still-secret")).toBe("it was [hidden]");
    expect(house.kept).toEqual([]);
  });

  it("takes nothing for an answer where that is one, and nowhere else", async () => {
    async function* flow(): AuthFlow {
      const server = yield {
        step: "ask",
        name: "SERVER",
        text: "Empty: ours.",
        secret: true,
        optional: true,
      };
      const name = yield { step: "ask", name: "NAME", text: "Who?", secret: false };
      yield { step: "done", account: `${name}@${server}.`, text: "Well done." };
    }
    const house = given(fakeConnectable(flow));
    const id = house.begin("fake", "the owner");

    await answers(house, id, "");
    const { number } = await until(house, id, "ask");
    expect(() => house.answer("fake", id, number, " ")).toThrow("one line");
    house.answer("fake", id, number, "ann");

    expect((await until(house, id, "done")).shown).toMatchObject({ account: "ann@." });
  });

  it("takes an answer only to what is asked just now", async () => {
    const house = given();
    const id = house.begin("fake", "the owner");
    const { number } = await until(house, id, "ask");
    house.answer("fake", id, number, TOKEN);

    expect(() => house.answer("fake", id, number, TOKEN)).toThrow("That is not asked any more");
    const second = await until(house, id, "ask");
    expect(() => house.answer("fake", id, second.number, "two\nlines")).toThrow("one line");
    expect(() => house.answer("fake", crypto.randomUUID(), second.number, "x")).toThrow("is over");
  });

  it("keeps nothing under a name that its manifest does not declare", async () => {
    const house = given(fakeConnectable(undefined, ["ANOTHER"]));
    const id = house.begin("fake", "the owner");

    await answers(house, id, TOKEN);
    await answers(house, id, "home");
    const { shown } = await until(house, id, "failed");

    expect(shown).toEqual({
      step: "failed",
      why: "fake wants to keep FAKE_TOKEN, which its manifest does not declare.",
    });
    expect([house.kept, house.noted]).toEqual([[], []]);
  });

  it.each<[string, (house: Given, id: string) => void, string]>([
    ["a later attempt", (house) => void house.begin("fake", "the owner"), "It was begun anew elsewhere."],
    ["whoever began it", (house, id) => house.cancel("fake", id), "It was cancelled."],
    ["a quarter of an hour", ({ clock }) => clock.advance(15 * 60_000), "It took too long; begin again."],
    ["the end of the host", (house) => house.close(), "Bellhop stops."],
  ])("is ended by %s, and its plugin hears of it", async (_what, end, why) => {
    const house = given();
    const id = house.begin("fake", "the owner");
    const asked = await until(house, id, "ask");
    const next = house.next("fake", id, asked.number, 1_000);

    end(house, id);

    expect((await next).shown).toEqual({ step: "failed", why });
    expect(house.connectable.cancelled()).toBe(1);
  });

  it.each<[string, () => AuthFlow, string]>([
    [
      "ends without a word",
      () => flowOf(async () => undefined),
      "fake ended without having connected an account.",
    ],
    [
      "fails in an unforeseen way",
      () => flowOf(() => Promise.reject(new TypeError(`secret ${TOKEN}`))),
      "It failed; the log says why.",
    ],
    [
      "shows what cannot be drawn",
      async function* () {
        yield { step: "qr", content: "x".repeat(5_000), text: "" };
      },
      "The code of the platform is too long to be drawn.",
    ],
    [
      "says what is wrong",
      () => flowOf(() => Promise.reject(new ConfigError("fake is not there."))),
      "fake is not there.",
    ],
  ])("says so where its plugin %s", async (_what, flow, why) => {
    const house = given(fakeConnectable(flow));

    const { shown } = await until(house, house.begin("fake", "the owner"), "failed");

    expect(shown).toEqual({ step: "failed", why });
  });

  it("tells whoever waits in vain what still is", async () => {
    const house = given();
    const id = house.begin("fake", "the owner");
    const asked = await until(house, id, "ask");

    const next = house.next("fake", id, asked.number, 20_000);
    house.clock.advance(20_000);

    expect(await next).toEqual(asked);
  });

  it("needs a plugin that can", () => {
    expect(() => given().begin("telegram", "the owner")).toThrow(
      "No plugin telegram connects accounts here; these do: fake.",
    );
  });
});

describe("disconnecting an account", () => {
  const variables = ["FAKE_TOKEN", "FAKE_TOKEN_2", "FAKE_SECRET"];
  const connected = (...inEnv: string[]) => given(fakeConnectable(undefined, variables), new Set(inEnv));

  it("forgets what is its own, and what all share with the last one", async () => {
    const house = connected(...variables);

    const second = await house.disconnect("fake", "2", "the owner");
    const first = await house.disconnect("fake", "", "the owner");

    expect([second, first]).toEqual([["FAKE_TOKEN_2"], ["FAKE_TOKEN", "FAKE_SECRET"]]);
    expect(house.noted.map(({ action, detail }) => `${action}: ${detail}`)).toEqual([
      "channels.disconnect: the account fake/2; forgotten: FAKE_TOKEN_2",
      "channels.disconnect: the account fake; forgotten: FAKE_TOKEN, FAKE_SECRET",
    ]);
  });

  it("takes the name of an account before its number", async () => {
    const named = fakeConnectable(undefined, variables, ["home", "1"]);
    const house = given(named, new Set(variables));

    expect(await house.disconnect("fake", "1", "the owner")).toEqual(["FAKE_TOKEN_2"]);
    expect(await house.disconnect("fake", "home", "the owner")).toEqual(["FAKE_TOKEN", "FAKE_SECRET"]);
    expect(house.noted.map(({ detail }) => detail)).toEqual([
      "the account fake/1; forgotten: FAKE_TOKEN_2",
      "the account fake/home; forgotten: FAKE_TOKEN, FAKE_SECRET",
    ]);
  });

  it.each([
    ["fake", "2", /Nothing of fake\/2 is kept/],
    ["fake", "work", /no account fake\/work; see: bellhop channels list/],
    ["other", "", /these do: fake/],
  ])("says what stands in the way: %s, %s", async (name, account, words) => {
    const house = connected("FAKE_TOKEN");

    await expect(house.disconnect(name, account, "the owner")).rejects.toThrow(words);

    expect(house.noted).toEqual([]);
  });

  it("ends an attempt to connect that is under way", async () => {
    const house = connected("FAKE_TOKEN");
    const id = house.begin("fake", "the owner");
    await until(house, id, "ask");

    await house.disconnect("fake", "", "the owner");

    expect((await until(house, id, "failed")).shown).toEqual({
      step: "failed",
      why: "The account was disconnected.",
    });
  });
});
