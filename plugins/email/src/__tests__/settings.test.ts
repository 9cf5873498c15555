import { ConfigError } from "@bellhop/sdk";
import { describe, expect, it } from "vitest";
import { planOf } from "../settings.ts";

const ONE = {
  EMAIL_ADDRESS: "Bell@Example.org",
  EMAIL_PASSWORD: "p",
  EMAIL_IMAP: "imaps://imap.example.org",
  EMAIL_SMTP: "smtp://bell%40corp@smtp.example.org",
  EMAIL_AUTHSERV_ID: "MX.example.org",
};
const numbered = (n: number, values: Record<string, string>) =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [`${name}_${n}`, value]));

describe("the settings of e-mail", () => {
  it("are an account for each number, with its servers", () => {
    const plan = planOf(
      {},
      { ...ONE, ...numbered(3, { ...ONE, EMAIL_ADDRESS: "third@example.org", EMAIL_AUTHSERV_ID: "other" }) },
    );

    expect(plan.accounts).toMatchObject([
      {
        account: "",
        address: "bell@example.org",
        imap: { host: "imap.example.org", port: 993, secure: true, plain: false, user: "bell@example.org" },
        smtp: { host: "smtp.example.org", port: 587, secure: false, plain: false, user: "bell@corp" },
        authservId: "mx.example.org",
      },
      { account: "3", address: "third@example.org", authservId: "other" },
    ]);
  });

  it("encrypt everything but what stays on this machine, or is allowed", () => {
    const plain = (imap: string, settings = {}) =>
      planOf(settings, { ...ONE, EMAIL_IMAP: imap }).accounts[0]?.imap.plain;

    expect([plain("imap://imap.example.org"), plain("imap://127.0.0.1:1143"), plain("imap://[::1]")]).toEqual(
      [false, true, true],
    );
    expect(plain("imap://imap.example.org", { allowPlain: true })).toBe(true);
  });

  it("let an account in with its password, or with what it has signed in with", () => {
    const signedIn = { ...ONE, EMAIL_SIGN_IN: "google", EMAIL_CLIENT_ID: "app", EMAIL_REFRESH_TOKEN: "r" };
    const of = (environment: Record<string, string>) =>
      planOf({}, environment).accounts.map(({ number, credentials }) => ({ number, ...credentials }));

    expect(of({ ...signedIn, ...numbered(2, ONE) })).toMatchObject([
      {
        number: 1,
        how: "token",
        provider: { name: "google" },
        clientId: "app",
        clientSecret: undefined,
        refreshToken: "r",
      },
      { number: 2, how: "password", password: "p" },
    ]);
    expect(of({ ...signedIn, EMAIL_SIGN_IN: "password" })).toMatchObject([{ how: "password" }]);
  });

  it.each([
    ["an address that is none", { EMAIL_ADDRESS: "bell" }, "EMAIL_ADDRESS"],
    ["a server that is none", { EMAIL_IMAP: "imap.example.org" }, "imaps://"],
    ["a web server", { EMAIL_SMTP: "https://smtp.example.org" }, "smtps://"],
    ["a missing password", { EMAIL_PASSWORD: "" }, "EMAIL_PASSWORD"],
    ["a provider that nobody knows", { EMAIL_SIGN_IN: "example" }, "one of outlook"],
    ["a sign-in without an app", { EMAIL_SIGN_IN: "google" }, "EMAIL_CLIENT_ID"],
    ["a sign-in that never was", { EMAIL_SIGN_IN: "google", EMAIL_CLIENT_ID: "app" }, "EMAIL_REFRESH_TOKEN"],
    ["a password in an address", { EMAIL_IMAP: "imaps://bell:geheim@imap.example.org" }, "EMAIL_PASSWORD"],
  ])("refuse %s, and say what to do", (_, wrong, words) => {
    const plan = () => planOf({}, { ...ONE, ...wrong });

    expect(plan).toThrow(ConfigError);
    expect(plan).toThrow(words);
    expect(plan).not.toThrow("geheim");
  });

  it("refuse what they do not know", () => {
    expect(() => planOf({ folders: [] }, ONE)).toThrow("folders");
  });
});
