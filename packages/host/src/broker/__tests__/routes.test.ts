import { ConfigError, RejectedError } from "@bellhop/sdk";
import { describe, expect, it, onTestFinished } from "vitest";
import { join } from "node:path";
import { systemClock } from "../../core/clock.ts";
import { GroupFolder, newId, SandboxId, SessionId, TurnId } from "../../core/ids.ts";
import { silentLog } from "../../log.ts";
import type { Usage } from "../../store/usage.ts";
import { openBroker } from "../broker.ts";
import type { Login } from "../claude-login.ts";
import { renamed, servedName } from "../model-names.ts";
import { type Provider, providerFromLogin } from "../provider.ts";
import { ordersOf, providersFrom } from "../routes.ts";
import { ANSWER, call, createOutside, given, MESSAGE, temporaryDirectory, upstream } from "./given.ts";

const SSE = { "content-type": "text/event-stream" };
const UNAUTHORISED = JSON.stringify({
  type: "error",
  error: { type: "authentication_error", message: "OAuth token has expired" },
});

describe("the model routes", () => {
  it("are the environment's, the login's and the owner's own, in this order", () => {
    const login: Login = { token: async () => "t", afterRefusal: async () => undefined };
    const routes = [{ name: "local", url: "http://127.0.0.1:11434", models: {} }];

    const providers = providersFrom({ credentials: { apiKey: "sk-1" }, login, routes });

    expect(providers.map(({ name }) => name)).toEqual(["anthropic", "claude", "local"]);
  });

  it("fall over only to what the owner has put into an order", () => {
    const orderOf = ordersOf({ models: {}, groups: {} }, ["anthropic", "local"]);

    expect(orderOf("family", false)).toEqual(["anthropic"]);
  });

  it("are chosen by a group for itself, and for its tasks", () => {
    const groups = {
      family: { routes: ["local"], taskRoutes: ["work"] },
      team: { routes: ["work", "local"] },
    };
    const orderOf = ordersOf({ models: { order: ["anthropic", "local"] }, groups }, [
      "anthropic",
      "local",
      "work",
    ]);

    expect(orderOf("family", false)).toEqual(["local"]);
    expect(orderOf("family", true)).toEqual(["work"]);
    expect(orderOf("team", true)).toEqual(["work", "local"]);
    expect(orderOf("main", true)).toEqual(["anthropic", "local"]);
  });

  it("must be there where they are named", () => {
    const groups = { family: { routes: ["lokal"] } };

    expect(() => ordersOf({ models: {}, groups }, ["anthropic", "local"])).toThrow(ConfigError);
    expect(() => ordersOf({ models: {}, groups }, ["anthropic", "local"])).toThrow(
      "groups.family.routes in config.yaml names the model route lokal",
    );
  });

  it("lead each door to its own server, with its own credential and its own names of models", async () => {
    const heard: string[] = [];
    const server = (name: string) =>
      upstream((request, response, body) => {
        const { authorization, "x-api-key": key } = request.headers;
        const model: unknown = JSON.parse(body.toString()).model;
        heard.push(`${name} ${String(authorization)} ${String(key)} ${String(model)}`);
        response.writeHead(200, SSE).end(ANSWER);
      });
    const [work, local] = [await server("work"), await server("local")];
    const rows: Usage[] = [];
    const broker = await openBroker({
      runDirectory: await temporaryDirectory(),
      credentials: { apiKey: "sk-0123456789", baseUrl: String(work) },
      routes: [{ name: "local", url: String(local), models: { default: "qwen" } }],
      record: (usage) => rows.push(usage),
      taint: createOutside().deps.taint,
      clock: systemClock,
      log: silentLog,
    });
    onTestFinished(() => broker.close());

    for (const provider of broker.routes) {
      const ids = { sandbox: newId(SandboxId), session: newId(SessionId), group: GroupFolder.parse("main") };
      const door = await broker.openDoor({ ...ids, provider });
      door.setTurn(newId(TurnId));
      await (await call(join(door.directory, "broker.sock"))).body();
    }

    expect(heard).toEqual([
      "work undefined sk-0123456789 claude-sonnet-5-5",
      "local undefined undefined qwen",
    ]);
    expect(rows.map(({ provider }) => provider)).toEqual([work.host, "local"]);
  });
});

/** At whatever server the test has. */
function onLogin(login: Login): Partial<Provider> {
  const { target: _target, ...rest } = providerFromLogin(login);
  return rest;
}

describe("a route that stands on a login", () => {
  /** The server takes `good` alone; the login has `tokens`, one after another. */
  async function loggedIn(good: string, login: Login) {
    const used: string[] = [];
    const house = await given(
      (request, response) => {
        used.push(String(request.headers.authorization));
        if (request.headers.authorization === `Bearer ${good}`) response.writeHead(200, SSE).end(ANSWER);
        else response.writeHead(401, { "content-type": "application/json" }).end(UNAUTHORISED);
      },
      { provider: onLogin(login) },
    );
    return { ...house, used };
  }

  it("goes on with another token when one is refused, and nobody inside hears of it", async () => {
    const login: Login = { token: async () => "old", afterRefusal: async () => "new" };
    const { call, used, door } = await loggedIn("new", login);

    const reply = await call();

    expect(reply.status).toBe(200);
    expect(await reply.body()).toBe(ANSWER);
    expect(used).toEqual(["Bearer old", "Bearer new"]);
    expect(door.lastFailure()).toBeUndefined();
  });

  it("is refused where there is no other, and tries it once", async () => {
    const login: Login = { token: async () => "old", afterRefusal: async () => "older" };
    const { call, used, door } = await loggedIn("new", login);

    const reply = await call();
    await reply.body();

    expect(reply.status).toBe(401);
    expect(used).toHaveLength(2);
    expect(door.lastFailure()).toMatchObject({ class: "auth" });
  });

  it("is refused, without a call, once somebody has to log in again", async () => {
    const over = () =>
      Promise.reject(new RejectedError("The Claude login is no longer valid. Log in again."));
    const { call, used, door, broker } = await loggedIn("new", { token: over, afterRefusal: over });

    const reply = await call();

    expect(reply.status).toBe(502);
    expect(await reply.body()).toContain("Log in again");
    expect(used).toEqual([]);
    expect(door.lastFailure()).toMatchObject({ class: "auth" });
    expect(await broker.keyWorks(broker.provider)).toBe(false);
  });

  it("sends back no token of its own", async () => {
    const login: Login = { token: async () => "token-of-the-moment", afterRefusal: async () => undefined };
    const { call } = await given(
      (request, response) => response.writeHead(200, SSE).end(String(request.headers.authorization)),
      { provider: onLogin(login) },
    );

    expect(await (await call()).body()).not.toContain("token-of-the-moment");
  });
});

describe("the names of models", () => {
  const names = { sonnet: "big", "claude-haiku-4-5": "tiny", default: "other" };

  it.each([
    ["claude-sonnet-5-5", "big"],
    ["sonnet", "big"],
    ["claude-haiku-4-5", "tiny"],
    ["claude-opus-5-5", "other"],
  ])("turn %s into %s", (asked, served) => {
    expect(servedName(names, asked)).toBe(served);
  });

  it("leave the rest of a request as it is, and all of it where nothing is to change", () => {
    const body = Buffer.from(MESSAGE);

    expect(JSON.parse(renamed(body, names).toString())).toEqual({ ...JSON.parse(MESSAGE), model: "big" });
    expect(renamed(body, {})).toBe(body);
    expect(renamed(body, undefined)).toBe(body);
    expect(renamed(Buffer.from("no json"), names).toString()).toBe("no json");
  });
});
