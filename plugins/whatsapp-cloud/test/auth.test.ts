import { type AuthStep, ConfigError, createWire } from "@bellhop/sdk";
import { describe, expect, it, onTestFinished } from "vitest";
import { connect } from "../src/auth.ts";
import { NUMBER, openFakeGraph } from "./fake/graph-api.ts";

const RIGHT = [` ${NUMBER.phoneNumberId}`, `${NUMBER.token}\n`, NUMBER.appSecret];

async function answered(
  answers: readonly string[],
  { publicUrl, taken = {} }: { publicUrl?: string; taken?: Record<string, string> } = {},
): Promise<AuthStep[]> {
  const graph = await openFakeGraph();
  onTestFinished(graph.server.close);
  const wire = createWire();
  onTestFinished(wire.close);
  const flow = connect({
    plan: { graphUrl: graph.url, publicUrl },
    environment: taken,
    wire,
    randomId: () => "a-token-to-verify-with",
    signal: new AbortController().signal,
  });
  const steps: AuthStep[] = [];
  const given = [...answers];
  for (let next = await flow.next(); !next.done;) {
    steps.push(next.value);
    next = await flow.next(next.value.step === "ask" ? given.shift() : undefined);
  }
  return steps;
}

describe("connecting a number", () => {
  it("asks for what Meta shows, looks whether it fits, and says what to set there", async () => {
    const steps = await answered(RIGHT, { publicUrl: "https://bell.example.org" });

    expect(steps.map(({ step }) => step)).toEqual(["ask", "ask", "ask", "wait", "code", "done"]);
    expect(steps.flatMap((one) => (one.step === "ask" ? [[one.name, one.secret]] : []))).toEqual([
      ["WHATSAPP_CLOUD_PHONE_NUMBER_ID", false],
      ["WHATSAPP_CLOUD_TOKEN", true],
      ["WHATSAPP_CLOUD_APP_SECRET", true],
    ]);
    expect(steps.at(-2)).toMatchObject({ code: "a-token-to-verify-with" });
    expect(steps.at(-1)).toMatchObject({
      account: NUMBER.display,
      text: expect.stringContaining("https://bell.example.org/plugins/whatsapp-cloud/default"),
      keep: {
        WHATSAPP_CLOUD_PHONE_NUMBER_ID: NUMBER.phoneNumberId,
        WHATSAPP_CLOUD_TOKEN: NUMBER.token,
        WHATSAPP_CLOUD_APP_SECRET: NUMBER.appSecret,
        WHATSAPP_CLOUD_VERIFY_TOKEN: "a-token-to-verify-with",
      },
    });
  });

  it("puts a second number beside the first, at an address of its own", async () => {
    const steps = await answered(RIGHT, { taken: { WHATSAPP_CLOUD_TOKEN: "t" } });

    expect(steps.at(-1)).toMatchObject({
      text: expect.stringContaining("https://YOUR-ADDRESS/plugins/whatsapp-cloud/2"),
      keep: expect.objectContaining({ WHATSAPP_CLOUD_TOKEN_2: NUMBER.token }),
    });
  });

  it.each([
    ["the number in place of its id", ["+49 151 7654321"], "below the number"],
    ["no token", [NUMBER.phoneNumberId, "short"], "no access token"],
    ["no app secret", [NUMBER.phoneNumberId, NUMBER.token, "x"], "no app secret"],
    [
      "a token that WhatsApp does not know",
      [NUMBER.phoneNumberId, "x".repeat(40), NUMBER.appSecret],
      "system user",
    ],
    ["the secret of another app", [NUMBER.phoneNumberId, NUMBER.token, "f".repeat(32)], "another app's"],
    ["the id of another number", ["12345678", NUMBER.token, NUMBER.appSecret], "no number with this"],
  ])("refuses %s, and says what to do", async (_, answers, words) => {
    const error = await answered(answers).catch((thrown: unknown) => thrown);

    expect(error).toBeInstanceOf(ConfigError);
    expect(String(error)).toContain(words);
    expect(String(error)).not.toContain(NUMBER.token);
  });
});
