/**
 * An authorization server for tests, as strict as the standards are: the device grant (RFC 8628), the code grant with its
 * proof (RFC 6749, 7636), refresh tokens that are good once, access tokens that end, and introspection for mail servers
 * (RFC 7662). It lives in a time of its own, and its people do what a test says.
 */
import { createHash, randomUUID } from "node:crypto";
import type { Provider } from "../../src/providers.ts";
import { type Instead, must, openFormServer, Refusal } from "./form-server.ts";

export const CLIENT_ID = "app-of-the-owner";
export const CLIENT_SECRET = "geheim-of-the-app";
const SCOPES = ["mail", "offline_access"];
const REDIRECT = "http://127.0.0.1:8085/";
const DEVICE_SECONDS = 900;
const INTERVAL_SECONDS = 5;

export interface Authority {
  readonly url: string;
  /** In ms since 1970; moves when it is moved alone. */
  readonly time: { now(): number; advance(ms: number): void };
  /** As the settings of the plugin know it. */
  readonly provider: Provider;
  /** How long access tokens are good from here on. */
  seconds: number;
  /** `lenient`: the refresh tokens of before stay good, as Microsoft's do. */
  rotation: "strict" | "lenient" | "none";
  /** Answers in place of the next ones. */
  readonly instead: Instead[];
  /** What was asked, oldest first: a grant's type, or a path. */
  readonly asked: string[];
  /** All tokens, codes and secrets that it has given or been given. */
  readonly secrets: Set<string>;
  /** Types in that code and signs in. */
  approve(userCode: string, user: string): void;
  deny(userCode: string): void;
  /** Opens that address in a browser and signs in. @returns the address that leads back */
  visit(address: string, user: string, answer?: "yes" | "no"): string;
  /** A refresh token of a sign-in that nobody has to make. */
  signIn(user: string): string;
  isGood(user: string, accessToken: string): boolean;
  /** Access tokens are refused, though their time is not over. */
  refuseAccess(): void;
  /** The sign-in is over, with all of its tokens. */
  revoke(user: string): void;
  close(): Promise<void>;
}

interface Device {
  readonly userCode: string;
  readonly until: number;
  intervalMs: number;
  last: number;
  answer: { user: string } | "no" | undefined;
}
interface Code {
  readonly user: string;
  readonly challenge: string;
}
interface Refresh {
  readonly user: string;
  isUsed: boolean;
}

export async function openAuthority({
  grant = "device",
}: { grant?: "device" | "code" } = {}): Promise<Authority> {
  let now = Date.UTC(2026, 10, 27);
  const devices = new Map<string, Device>();
  const codes = new Map<string, Code>();
  const refreshes = new Map<string, Refresh>();
  const accesses = new Map<string, { readonly user: string; readonly until: number }>();
  const secrets = new Set<string>([CLIENT_SECRET]);
  const asked: string[] = [];
  const instead: Authority["instead"] = [];

  function secret(): string {
    const made = randomUUID();
    secrets.add(made);
    return made;
  }

  function granted(user: string, isNew: boolean): object {
    const access = secret();
    accesses.set(access, { user, until: now + self.seconds * 1_000 });
    const refresh = isNew ? self.signIn(user) : undefined;
    return {
      access_token: access,
      token_type: "Bearer",
      expires_in: self.seconds,
      scope: SCOPES.join(" "),
      ...(refresh !== undefined && { refresh_token: refresh }),
    };
  }

  function byDevice(form: URLSearchParams): object {
    const code = must(form, "device_code");
    const device = devices.get(code);
    if (!device) throw new Refusal("invalid_grant");
    if (now >= device.until) throw new Refusal("expired_token");
    const isEarly = now - device.last < device.intervalMs;
    device.last = now;
    if (isEarly) {
      device.intervalMs += 5_000;
      throw new Refusal("slow_down");
    }
    if (device.answer === undefined) throw new Refusal("authorization_pending");
    devices.delete(code);
    if (device.answer === "no") throw new Refusal("access_denied");
    return granted(device.answer.user, true);
  }

  function byCode(form: URLSearchParams): object {
    const given = must(form, "code");
    const code = codes.get(given);
    codes.delete(given); // once, also where the rest is wrong
    const proof = createHash("sha256").update(must(form, "code_verifier")).digest("base64url");
    if (!code || code.challenge !== proof || must(form, "redirect_uri") !== REDIRECT)
      throw new Refusal("invalid_grant");
    return granted(code.user, true);
  }

  function byRefresh(form: URLSearchParams): object {
    const given = refreshes.get(must(form, "refresh_token"));
    if (!given) throw new Refusal("invalid_grant");
    if (given.isUsed && self.rotation === "strict") {
      self.revoke(given.user); // somebody else has it too (RFC 9700, 4.14.2)
      throw new Refusal("invalid_grant");
    }
    given.isUsed = true;
    return granted(given.user, self.rotation !== "none");
  }

  function token(form: URLSearchParams): object {
    const type = must(form, "grant_type");
    asked.push(type);
    switch (type) {
      case "urn:ietf:params:oauth:grant-type:device_code":
        return byDevice(form);
      case "authorization_code":
        return byCode(form);
      case "refresh_token":
        return byRefresh(form);
      default:
        throw new Refusal("unsupported_grant_type");
    }
  }

  function device(form: URLSearchParams): object {
    asked.push("device");
    if (form.get("scope") !== SCOPES.join(" ")) throw new Refusal("invalid_scope");
    const [code, userCode] = [secret(), secret().slice(0, 8).toUpperCase()];
    const until = now + DEVICE_SECONDS * 1_000;
    devices.set(code, {
      userCode,
      until,
      intervalMs: INTERVAL_SECONDS * 1_000,
      last: now,
      answer: undefined,
    });
    return {
      device_code: code,
      user_code: userCode,
      verification_uri: `${self.url}/device`,
      expires_in: DEVICE_SECONDS,
      interval: INTERVAL_SECONDS,
    };
  }

  function introspect(form: URLSearchParams): object {
    const access = accesses.get(must(form, "token"));
    return access && now < access.until ? { active: true, username: access.user } : { active: false };
  }

  function answerTo(path: string, form: URLSearchParams): object {
    if (path === "/introspect") return introspect(form);
    const wanted = grant === "code" ? CLIENT_SECRET : null;
    if (form.get("client_id") !== CLIENT_ID || form.get("client_secret") !== wanted)
      throw new Refusal("invalid_client", 401);
    if (path === "/token") return token(form);
    if (path === "/devicecode" && grant === "device") return device(form);
    throw new Refusal("invalid_request", 404);
  }

  const { url, close } = await openFormServer({
    answerTo,
    insteadOf(path) {
      const other = path === "/introspect" ? undefined : instead.shift();
      if (other) asked.push(`instead of ${path}`);
      return other;
    },
  });
  const deviceOf = (userCode: string) => [...devices.values()].find((one) => one.userCode === userCode);

  const self: Authority = {
    url,
    time: {
      now: () => now,
      advance(ms) {
        now += ms;
      },
    },
    provider: {
      name: "test",
      domains: ["test.example"],
      tokenUrl: `${url}/token`,
      ...(grant === "device"
        ? { deviceUrl: `${url}/devicecode` }
        : { authorizeUrl: `${url}/authorize?tenant=test` }),
      redirectUrl: REDIRECT,
      scopes: SCOPES,
      parameters: { access_type: "offline" },
      clientSecret: grant === "code",
      passwords: false,
    },
    seconds: 3_600,
    rotation: "strict",
    instead,
    asked,
    secrets,
    approve(userCode, user) {
      const found = deviceOf(userCode);
      if (!found) throw new Error(`nobody was given the code ${userCode}`);
      found.answer = { user };
    },
    deny(userCode) {
      const found = deviceOf(userCode);
      if (found) found.answer = "no";
    },
    visit(address, user, said = "yes") {
      const { origin, pathname, searchParams } = new URL(address);
      const get = (name: string) => must(searchParams, name);
      const isRight =
        origin === url &&
        pathname === "/authorize" &&
        get("tenant") === "test" &&
        get("response_type") === "code" &&
        get("client_id") === CLIENT_ID &&
        get("redirect_uri") === REDIRECT &&
        get("scope") === SCOPES.join(" ") &&
        get("code_challenge_method") === "S256" &&
        get("access_type") === "offline";
      if (!isRight) throw new Error(`a page that says what is wrong with ${address}`);
      const back = new URL(REDIRECT);
      back.searchParams.set("state", get("state"));
      if (said === "no") back.searchParams.set("error", "access_denied");
      else {
        const code = secret();
        codes.set(code, { user, challenge: get("code_challenge") });
        back.searchParams.set("code", code);
      }
      return back.href;
    },
    signIn(user) {
      const refresh = secret();
      refreshes.set(refresh, { user, isUsed: false });
      return refresh;
    },
    isGood(user, accessToken) {
      const access = accesses.get(accessToken);
      return access !== undefined && access.user === user && now < access.until;
    },
    refuseAccess: () => accesses.clear(),
    revoke(user) {
      for (const [refresh, one] of refreshes) if (one.user === user) refreshes.delete(refresh);
      for (const [access, one] of accesses) if (one.user === user) accesses.delete(access);
    },
    close,
  };
  return self;
}
