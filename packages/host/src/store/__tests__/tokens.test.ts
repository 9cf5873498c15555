import { randomBytes } from "node:crypto";
import { describe, expect, it, onTestFinished } from "vitest";
import { fakeClock } from "../../core/testing.ts";
import { openDatabase } from "../database.ts";
import { migrate } from "../migrate.ts";
import { migrations } from "../migrations/index.ts";
import { createTokens } from "../tokens.ts";

const MINUTE = 60_000;

async function given() {
  const clock = fakeClock();
  const { db, close } = await openDatabase(":memory:", { clock });
  onTestFinished(close);
  await migrate(db, { migrations, clock });
  return { clock, db, tokens: createTokens(db, clock, randomBytes) };
}

const API = { kind: "api", scope: "read", label: "phone" } as const;
const CODE = { kind: "code", scope: "chat", label: "web login", ttlMs: 10 * MINUTE } as const;

describe("a token", () => {
  it("opens what it was made for, and only as what it is", async () => {
    const { tokens } = await given();
    const { secret } = await tokens.issue(API);

    expect(await tokens.check(secret, "api")).toMatchObject({ scope: "read", label: "phone" });
    expect(await tokens.check(secret, "web")).toBeUndefined();
    expect(await tokens.check(`${secret}x`, "api")).toBeUndefined();
    expect(secret).toMatch(/^bellhop_[\w-]{32}$/);
  });

  it("is nowhere in the database", async () => {
    const { tokens, db } = await given();
    const { secret } = await tokens.issue(API);

    expect(JSON.stringify(await db.selectFrom("tokens").selectAll().execute())).not.toContain(secret);
  });

  it("ends when its time is over, and is swept with the next one that is made", async () => {
    const { tokens, clock, db } = await given();
    const { secret } = await tokens.issue({ ...API, ttlMs: MINUTE });

    clock.advance(MINUTE - 1);
    expect(await tokens.check(secret, "api")).toBeDefined();
    clock.advance(1);
    expect(await tokens.check(secret, "api")).toBeUndefined();
    expect(await tokens.list()).toEqual([]);

    await tokens.issue(API);
    expect(await db.selectFrom("tokens").selectAll().execute()).toHaveLength(1);
  });

  it("can be renewed, but not once it was revoked", async () => {
    const { tokens, clock } = await given();
    const kept = await tokens.issue({ ...API, ttlMs: MINUTE });
    const revoked = await tokens.issue({ ...API, ttlMs: MINUTE });

    await tokens.revoke(revoked.hash);
    await tokens.renew(kept, 2 * MINUTE);
    await tokens.renew(revoked, 2 * MINUTE);
    clock.advance(MINUTE);

    expect(await tokens.check(kept.secret, "api")).toBeDefined();
    expect(await tokens.check(revoked.secret, "api")).toBeUndefined();
  });

  it("is revoked by the beginning of its hash, if that names it alone", async () => {
    const { tokens } = await given();
    const { hash, secret } = await tokens.issue(API);

    await expect(tokens.revoke(hash.slice(0, 7))).rejects.toThrow("give at least 8 hexadecimal digits");
    await expect(tokens.revoke("%".repeat(8))).rejects.toThrow("does not name a token");
    expect(await tokens.revoke("0".repeat(12))).toBeUndefined();
    expect(await tokens.revoke(hash.slice(0, 8))).toMatchObject({ hash });
    expect(await tokens.check(secret, "api")).toBeUndefined();
  });
});

describe("a login code", () => {
  it("buys one login, however many try at once", async () => {
    const { tokens } = await given();
    const { secret } = await tokens.issue(CODE);

    const tries = await Promise.all(
      Array.from({ length: 5 }, () => tokens.redeem(secret, { ttlMs: MINUTE })),
    );

    const logins = tries.filter((login) => login !== undefined);
    expect(logins).toHaveLength(1);
    expect(await tokens.check(logins[0]?.secret ?? "", "web")).toMatchObject({ scope: "chat" });
  });

  it("buys nothing once it is too old, and no other secret passes for one", async () => {
    const { tokens, clock } = await given();
    const code = await tokens.issue(CODE);
    const token = await tokens.issue(API);

    clock.advance(10 * MINUTE);

    expect(await tokens.redeem(code.secret, { ttlMs: MINUTE })).toBeUndefined();
    expect(await tokens.redeem(token.secret, { ttlMs: MINUTE })).toBeUndefined();
  });
});
