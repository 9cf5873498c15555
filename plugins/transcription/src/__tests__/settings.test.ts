import { ConfigError } from "@bellhop/sdk";
import { describe, expect, it } from "vitest";
import { planOf } from "../settings.ts";

const SERVICE = { url: "https://speech.example/", model: "whisper-1" };

describe("the settings of transcription", () => {
  it("name a service, whose key comes from the environment", () => {
    expect(planOf({ endpoint: SERVICE }, { TRANSCRIPTION_API_KEY: "k" }).by).toEqual({
      how: "endpoint",
      root: "https://speech.example",
      model: "whisper-1",
      language: undefined,
      key: "k",
    });
  });

  it("name a program, with the sizes and times that hold unless they say otherwise", () => {
    expect(planOf({ command: ["hear", "{file}"] }, {})).toEqual({
      by: { how: "command", argv: ["hear", "{file}"] },
      answeredOnly: true,
      maxBytes: 25 * 1024 * 1024,
      timeoutMs: 180_000,
    });
  });

  it.each([
    ["nobody", {}, /either `command` or `endpoint`/],
    ["both", { command: ["hear", "{file}"], endpoint: SERVICE }, /either `command` or `endpoint`/],
    ["a program that hears nothing", { command: ["hear"] }, /no \{file\}/],
    [
      "a service in the clear",
      { endpoint: { ...SERVICE, url: "http://speech.example" } },
      /without encryption/,
    ],
    ["what nobody knows", { comand: ["hear", "{file}"] }, /do not hold/],
  ])("do not hold where they name %s", (_what, settings, why) => {
    const plan = () => planOf(settings, { TRANSCRIPTION_API_KEY: "k" });

    expect(plan).toThrow(ConfigError);
    expect(plan).toThrow(why);
  });
});
