import { RejectedError, TemporaryError } from "@bellhop/sdk";
import { chmod, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { fakeClock } from "../../core/testing.ts";
import { createClaudeLogin } from "../claude-login.ts";
import { temporaryDirectory, upstream } from "./given.ts";

const HOUR = 3_600_000;
const Asked = z.strictObject({
  grant_type: z.literal("refresh_token"),
  refresh_token: z.string(),
  client_id: z.literal("9d1c250a-e61b-44d9-88ed-5944d1962f5e"),
});

interface Given {
  /** ms from now until the token in the file runs out. */
  readonly left?: number;
  readonly refreshToken?: string | undefined;
  /** What the service does when it is asked, before it answers. */
  readonly meanwhile?: (file: string) => Promise<void>;
  readonly status?: number;
}

/** A login file, and a service that renews each token once, as the real one does. */
async function given({ left = HOUR, refreshToken = "refresh-0", meanwhile, status = 200 }: Given = {}) {
  const clock = fakeClock();
  const file = join(await temporaryDirectory(), ".credentials.json");
  const expiresAt = clock.now() + left;
  const oauth = (accessToken: string, refresh: string | undefined, until: number) => ({
    mcpOAuth: { kept: true },
    claudeAiOauth: { accessToken, refreshToken: refresh, expiresAt: until, scopes: ["user:inference"] },
  });
  await writeFile(file, JSON.stringify(oauth("access-0", refreshToken, expiresAt)), { mode: 0o600 });
  const asked: string[] = [];
  let valid = refreshToken;
  let state = { status };
  const endpoint = await upstream((request, response, body) => {
    void (async () => {
      const { refresh_token: presented } = Asked.parse(JSON.parse(body.toString()));
      expect(request.method).toBe("POST");
      asked.push(presented);
      await meanwhile?.(file);
      if (state.status !== 200) return response.writeHead(state.status).end("{}");
      if (presented !== valid) return response.writeHead(400).end(JSON.stringify({ error: "invalid_grant" }));
      valid = `refresh-${asked.length}`;
      const tokens = { access_token: `access-${asked.length}`, refresh_token: valid, expires_in: 3600 };
      return response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(tokens));
    })();
  });
  const learned: string[] = [];
  const login = createClaudeLogin({
    file,
    endpoint: new URL("/v1/oauth/token", endpoint),
    learn: (secrets) => void learned.push(...secrets),
    clock,
  });
  return {
    clock,
    file,
    asked,
    learned,
    login,
    oauth,
    serve: (next: number) => (state = { status: next }),
    stored: async () => z.looseObject({}).parse(JSON.parse(await readFile(file, "utf8"))),
  };
}

describe("the Claude login", () => {
  it("is taken from its file, while that holds, and asks nobody", async () => {
    const { login, asked, learned } = await given();

    expect(await login.token()).toBe("access-0");
    expect(asked).toEqual([]);
    expect(learned).toEqual(["access-0", "refresh-0"]);
  });

  it("is renewed before it runs out, and the new one is on the disk, in the fields that changed", async () => {
    const { login, asked, learned, stored, file, clock } = await given({ left: 30_000 });
    await chmod(file, 0o644);

    expect(await login.token()).toBe("access-1");

    expect(asked).toEqual(["refresh-0"]);
    expect(learned).toEqual(expect.arrayContaining(["access-1", "refresh-1"]));
    expect(await stored()).toEqual({
      mcpOAuth: { kept: true },
      claudeAiOauth: {
        accessToken: "access-1",
        refreshToken: "refresh-1",
        expiresAt: clock.now() + HOUR,
        scopes: ["user:inference"],
      },
    });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it("is renewed with the newest token each time", async () => {
    const { login, asked, clock } = await given({ left: 0 });
    await login.token();

    clock.advance(HOUR);

    expect(await login.token()).toBe("access-2");
    expect(asked).toEqual(["refresh-0", "refresh-1"]);
  });

  it("is renewed once, however many ask at the same time", async () => {
    const { login, asked } = await given({ left: 0 });

    const tokens = await Promise.all(Array.from({ length: 20 }, () => login.token()));

    expect(new Set(tokens)).toEqual(new Set(["access-1"]));
    expect(asked).toHaveLength(1);
  });

  it("is renewed once for all calls that were refused with the same token", async () => {
    const { login, asked } = await given();
    const used = await login.token();

    const others = await Promise.all([1, 2, 3].map(() => login.afterRefusal(used)));
    const late = await login.afterRefusal(used);

    expect([...others, late]).toEqual(Array(4).fill("access-1"));
    expect(asked).toHaveLength(1);
  });

  it("gives no other where the service refuses one that is quite new", async () => {
    const { login, asked } = await given({ left: 0 });

    expect(await login.afterRefusal(await login.token())).toBeUndefined();
    expect(asked).toHaveLength(1);
  });

  it("is what the program itself has renewed meanwhile, and nobody is asked", async () => {
    const { login, asked, file, oauth, clock } = await given();
    const used = await login.token();
    await writeFile(file, JSON.stringify(oauth("theirs", "their-refresh", clock.now() + HOUR)));

    expect(await login.afterRefusal(used)).toBe("theirs");
    expect(asked).toEqual([]);
  });

  it("is the program's own where that was quicker to renew it", async () => {
    const later = fakeClock().now() + HOUR;
    const theirs = { accessToken: "theirs", refreshToken: "their-refresh", expiresAt: later };
    const { login } = await given({
      left: 0,
      status: 400,
      meanwhile: (file) => writeFile(file, JSON.stringify({ claudeAiOauth: theirs })),
    });

    expect(await login.token()).toBe("theirs");
  });

  it("is over when the service refuses to renew it, which names the way out and no token", async () => {
    const { login } = await given({ left: 0, status: 400 });

    const error = await login.token().catch((cause: unknown) => cause);

    expect(error).toBeInstanceOf(RejectedError);
    expect(String(error)).toContain("Log in again");
    expect(String(error)).not.toMatch(/access-|refresh-/);
  });

  it("cannot be had while the service fails, and can afterwards", async () => {
    const { login, serve } = await given({ left: 0, status: 503 });
    await expect(login.token()).rejects.toThrow(TemporaryError);

    serve(200);

    expect(await login.token()).toBe("access-2");
  });

  it("is not used before it is on the disk; what was renewed is kept, and not renewed again", async () => {
    const clock = fakeClock();
    const { login, asked, file, oauth } = await given({
      left: 0,
      meanwhile: (there) => writeFile(there, "torn"),
    });
    await expect(login.token()).rejects.toThrow(RejectedError);

    await writeFile(file, JSON.stringify(oauth("access-0", "refresh-0", clock.now())));

    expect(await login.token()).toBe("access-1");
    expect(asked).toHaveLength(1);
    expect(await readFile(file, "utf8")).toContain("refresh-1");
  });

  it("stays where a link points to", async () => {
    const { file, oauth, login: _login } = await given();
    const link = join(await temporaryDirectory(), "link.json");
    await symlink(file, link);
    const clock = fakeClock();
    await writeFile(file, JSON.stringify(oauth("access-0", "refresh-0", clock.now())));
    const endpoint = await upstream((_request, response) =>
      response.end(JSON.stringify({ access_token: "new", expires_in: 60 })),
    );

    const login = createClaudeLogin({ file: link, endpoint, learn: () => undefined, clock });
    await login.token();

    expect(await readFile(file, "utf8")).toContain('"new"');
  });

  it.each([
    ["there is none", undefined],
    ["it is torn", '{"claudeAiOauth": {"accessTo'],
    ["it holds no login", "{}"],
  ])("has to be made first where %s", async (_what, text) => {
    const file = join(await temporaryDirectory(), ".credentials.json");
    if (text !== undefined) await writeFile(file, text);
    const endpoint = new URL("http://127.0.0.1:9");

    const login = createClaudeLogin({ file, endpoint, learn: () => undefined, clock: fakeClock() });

    await expect(login.token()).rejects.toThrow(RejectedError);
  });
});
