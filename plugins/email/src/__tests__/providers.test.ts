import { ConfigError } from "@bellhop/sdk";
import { describe, expect, it } from "vitest";
import { providerOf, providersFrom } from "../providers.ts";

const from = (given: unknown, allowPlain = false) => providersFrom(given, { allowPlain });

describe("providers", () => {
  it.each([
    ["outlook.com", "outlook"],
    ["hotmail.co.uk", "outlook"],
    ["family.onmicrosoft.com", "microsoft365"],
    ["gmail.com", "google"],
    ["notgmail.com", undefined],
    ["example.org", undefined],
  ])("are told by an address's domain: %s", (domain, name) => {
    expect(providerOf(domain, from(undefined))?.name).toBe(name);
  });

  it("can be changed in part, and others added", () => {
    const tokenUrl = "https://login.microsoftonline.com/our-tenant/oauth2/v2.0/token";
    const own = { domains: ["example.org"], tokenUrl: "https://sso.example.org/token" };
    const all = from({
      microsoft365: { tokenUrl },
      keycloak: { ...own, authorizeUrl: "https://sso.example.org/auth" },
    });

    expect(all.find(({ name }) => name === "microsoft365")).toMatchObject({
      tokenUrl,
      deviceUrl: expect.stringContaining("/common/"),
      clientSecret: false,
    });
    expect(providerOf("example.org", all)).toMatchObject({
      name: "keycloak",
      redirectUrl: "http://127.0.0.1:8085/",
      clientSecret: true,
    });
  });

  it.each([
    ["says not where tokens come from", { own: { authorizeUrl: "https://sso.example.org" } }, "tokenUrl"],
    ["says not where to sign in", { own: { tokenUrl: "https://sso.example.org" } }, "authorizeUrl"],
    ["has a field that nobody knows", { own: { tokenUri: "https://sso.example.org" } }, "tokenUri"],
    ["is called password", { password: { tokenUrl: "https://sso.example.org" } }, "providers"],
    ["is at no address", { google: { tokenUrl: "file:///token" } }, "no address"],
    ["is reached in the clear", { google: { tokenUrl: "http://sso.example.org" } }, "without encryption"],
  ])("refuse one that %s", (_, given, words) => {
    expect(() => from(given)).toThrow(ConfigError);
    expect(() => from(given)).toThrow(words);
  });

  it("may be reached in the clear on this machine, or where that is allowed", () => {
    expect(() => from({ google: { tokenUrl: "http://127.0.0.1:8080/token" } })).not.toThrow();
    expect(() => from({ google: { tokenUrl: "http://sso.example.org/token" } }, true)).not.toThrow();
  });
});
