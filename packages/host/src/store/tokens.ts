/**
 * What opens the HTTP API: API tokens, web logins and single-use login codes.
 *
 * - Only the SHA-256 of a secret is stored; the secret itself is shown once, by whoever made it.
 *   They are 192 random bits or more, so a fast hash is enough.
 * - A code works once: it is deleted in the transaction that makes the login.
 * - What has expired opens nothing, and is swept when the next secret is made.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { RejectedError } from "@bellhop/sdk";
import type { Kysely, Selectable } from "kysely";
import type { Clock } from "../core/clock.ts";
import type { Database, TokensTable } from "./tables.ts";

export type TokenKind = TokensTable["kind"]["__select__"];
export type Scope = TokensTable["scope"]["__select__"];

/** Cryptographically random bytes; `node:crypto` has `randomBytes`. */
export type Random = (bytes: number) => Uint8Array;

export interface Grant {
  /** SHA-256 of the secret, hexadecimal. Its beginning names the token to people. */
  readonly hash: string;
  readonly kind: TokenKind;
  readonly scope: Scope;
  readonly label: string;
  readonly createdAt: number;
  /** Undefined: never. */
  readonly expiresAt: number | undefined;
}

export interface Issued extends Grant {
  readonly secret: string;
}

export interface TokenSpec {
  readonly kind: TokenKind;
  readonly scope: Scope;
  readonly label: string;
  /** Milliseconds; without it the secret opens until it is revoked. */
  readonly ttlMs?: number | undefined;
}

/** So that people, and scanners of leaked secrets, see what a string opens. */
const PREFIX = { api: "bellhop_", web: "", code: "" } as const satisfies Record<TokenKind, string>;

/** Shorter prefixes of a hash would name a token by accident. */
const SHORTEST_PREFIX = 8;

const sha256 = (secret: string) => createHash("sha256").update(secret).digest("hex");

export type Tokens = ReturnType<typeof createTokens>;

export function createTokens(db: Kysely<Database>, clock: Clock, random: Random) {
  async function insert(into: Kysely<Database>, { kind, scope, label, ttlMs }: TokenSpec): Promise<Issued> {
    const secret = PREFIX[kind] + Buffer.from(random(24)).toString("base64url");
    const hash = sha256(secret);
    const createdAt = clock.now();
    const expiresAt = ttlMs === undefined ? undefined : createdAt + ttlMs;
    await into
      .insertInto("tokens")
      .values({ hash, kind, scope, label, created_at: createdAt, expires_at: expiresAt ?? null })
      .execute();
    return { secret, hash, kind, scope, label, createdAt, expiresAt };
  }

  return {
    async issue(spec: TokenSpec): Promise<Issued> {
      return await db.transaction().execute(async (tx) => {
        await tx.deleteFrom("tokens").where("expires_at", "<=", clock.now()).execute();
        return await insert(tx, spec);
      });
    },

    /** What this secret opens, as one of these kinds; undefined for a wrong, expired or revoked one. */
    async check(secret: string, kind: TokenKind): Promise<Grant | undefined> {
      const hash = sha256(secret);
      const row = await db
        .selectFrom("tokens")
        .selectAll()
        .where("hash", "=", hash)
        .where("kind", "=", kind)
        .executeTakeFirst();
      // The index compares hashes, of which nobody can steer a part; the last word has no timing at all.
      if (!row || !timingSafeEqual(Buffer.from(row.hash), Buffer.from(hash))) return undefined;
      return row.expires_at !== null && row.expires_at <= clock.now() ? undefined : toGrant(row);
    },

    /** Spends a login code and gives the login it buys; undefined when there is no such code any more. */
    async redeem(code: string, login: Pick<TokenSpec, "ttlMs">): Promise<Issued | undefined> {
      return await db.transaction().execute(async (tx) => {
        const spent = await tx
          .deleteFrom("tokens")
          .where("hash", "=", sha256(code))
          .where("kind", "=", "code")
          .where("expires_at", ">", clock.now())
          .returning(["scope", "label"])
          .executeTakeFirst();
        return spent && (await insert(tx, { ...login, ...spent, kind: "web" }));
      });
    },

    /** Lets it live for `ttlMs` from now on; what was revoked meanwhile stays revoked. */
    async renew({ hash }: Grant, ttlMs: number): Promise<void> {
      await db
        .updateTable("tokens")
        .set({ expires_at: clock.now() + ttlMs })
        .where("hash", "=", hash)
        .execute();
    },

    /** API tokens and web logins that still open, oldest first. */
    async list(): Promise<Grant[]> {
      const rows = await db
        .selectFrom("tokens")
        .selectAll()
        .where("kind", "!=", "code")
        .where((eb) => eb.or([eb("expires_at", "is", null), eb("expires_at", ">", clock.now())]))
        .orderBy("created_at")
        .orderBy("hash")
        .execute();
      return rows.map(toGrant);
    },

    /**
     * Revokes the one whose hash begins with `prefix`; undefined when there is none.
     * @throws RejectedError when the prefix is too short or names several
     */
    async revoke(prefix: string): Promise<Grant | undefined> {
      if (!/^[0-9a-f]+$/.test(prefix) || prefix.length < SHORTEST_PREFIX) {
        throw new RejectedError(
          `"${prefix}" does not name a token: give at least ${SHORTEST_PREFIX} hexadecimal digits of its id.`,
        );
      }
      return await db.transaction().execute(async (tx) => {
        const rows = await tx.selectFrom("tokens").selectAll().where("hash", "like", `${prefix}%`).execute();
        const [row, other] = rows;
        if (other) throw new RejectedError(`"${prefix}" names ${rows.length} tokens: give more of the id.`);
        if (!row) return undefined;
        await tx.deleteFrom("tokens").where("hash", "=", row.hash).execute();
        return toGrant(row);
      });
    },
  };
}

function toGrant(row: Selectable<TokensTable>): Grant {
  const { hash, kind, scope, label, created_at: createdAt } = row;
  return { hash, kind, scope, label, createdAt, expiresAt: row.expires_at ?? undefined };
}
