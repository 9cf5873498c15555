import { describe, expect, it } from "vitest";
import { anthropicPrices, noPrices } from "../prices.ts";
import { outwards } from "../headers.ts";
import { providerFromCredentials, secretsOf } from "../provider.ts";

describe("the provider", () => {
  it("is Anthropic with an API key", () => {
    expect(providerFromCredentials({ apiKey: "sk-1" })).toEqual({
      name: "anthropic",
      target: { baseUrl: new URL("https://api.anthropic.com") },
      credential: { header: "x-api-key", value: "sk-1" },
      betas: [],
      secrets: ["sk-1"],
      prices: anthropicPrices,
    });
  });

  it("sends a subscription's token as a bearer, with the beta that it needs beside those of the program", () => {
    const provider = providerFromCredentials({ oauthToken: "oat-1" });

    expect(
      provider && outwards({ "anthropic-beta": "a,b", "x-api-key": "placeholder" }, provider, 3),
    ).toEqual({
      authorization: "Bearer oat-1",
      "anthropic-beta": "a,b,oauth-2025-04-20",
      "accept-encoding": "identity",
      "content-length": 3,
    });
  });

  it("is another server with a token and an address, whose prices nobody knows", () => {
    const provider = providerFromCredentials({
      authToken: "t-1",
      baseUrl: "https://gateway.example:8443/claude/",
    });

    expect(provider).toMatchObject({
      name: "gateway.example:8443",
      credential: { header: "authorization", value: "Bearer t-1" },
      betas: [],
      prices: noPrices,
    });
  });

  it("prefers the API key, then the subscription, then the token", () => {
    const all = { apiKey: "k", oauthToken: "o", authToken: "t" };

    expect(providerFromCredentials(all)?.credential?.value).toBe("k");
    expect(providerFromCredentials({ ...all, apiKey: undefined })?.credential?.value).toBe("Bearer o");
    expect(providerFromCredentials({ authToken: "t" })?.credential?.value).toBe("Bearer t");
  });

  it("is none without a credential, even with an address", () => {
    expect(providerFromCredentials({})).toBeUndefined();
    expect(providerFromCredentials({ apiKey: "", baseUrl: "https://gateway.example" })).toBeUndefined();
  });

  it("names every secret, a password in the address too", () => {
    const credentials = {
      apiKey: "k",
      oauthToken: undefined,
      authToken: "t",
      baseUrl: "https://u:p%40ss@gateway.example",
    };

    expect(secretsOf(credentials)).toEqual(["k", "t", "p@ss"]);
  });
});

describe("a price", () => {
  const million = 1_000_000;
  const none = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, cacheWriteHour: 0, webSearches: 0 };

  it("is the list's, in millionths of a dollar", () => {
    const cost = (tokens: object) =>
      anthropicPrices.cost("claude-sonnet-4-5-20250929", { ...none, ...tokens });

    expect(cost({ input: million })).toBe(3 * million);
    expect(cost({ output: million })).toBe(15 * million);
    expect(cost({ cacheRead: million })).toBe(0.3 * million);
    expect(cost({ cacheWrite: million })).toBe(3.75 * million);
    expect(cost({ cacheWriteHour: million })).toBe(6 * million);
    expect(cost({ webSearches: 1000 })).toBe(10 * million);
    expect(cost({ input: 1, output: 1 })).toBe(18);
  });

  it("is unknown for a model that is not listed", () => {
    expect(anthropicPrices.cost("claude-unheard-of", none)).toBeNull();
    expect(anthropicPrices.cost("constructor", none)).toBeNull();
  });
});
