/**
 * What is written down of everything that goes out to the network: before it goes, and how it ended. Never a query,
 * a header or a body, because those may hold what nobody should read here.
 */
import type { Kysely } from "kysely";
import { targetText } from "../core/egress-rule.ts";
import type { GroupFolder, SessionId, TurnId } from "../core/ids.ts";
import type { Audit } from "./audit.ts";
import type { Database } from "./tables.ts";

export interface EgressAsked {
  readonly group: GroupFolder;
  readonly session: SessionId;
  readonly host: string;
  readonly port: number;
  /** What allows or refuses it. */
  readonly rule: string;
  readonly method: string;
  readonly path: string;
}

export interface EgressBegun extends EgressAsked {
  readonly turn: TurnId;
  readonly how: "tunnel" | "request" | "websocket";
  /** Names of the secrets that were put in. */
  readonly secrets: readonly string[];
}

export interface EgressEnded {
  /** `200`, `cut: …`, `failed: …`. */
  readonly outcome: string;
  readonly sent: number;
  readonly received: number;
}

export interface EgressRecord {
  /** Durable when it resolves. What it returns completes it. */
  begin(row: EgressBegun): Promise<(ended: EgressEnded) => Promise<void>>;
  /** Something was refused; called seldom. */
  refused(row: EgressAsked, reason: string): Promise<void>;
}

export function createEgressRecord(db: Kysely<Database>, audit: Pick<Audit, "begin" | "note">): EgressRecord {
  const numbers = new Map<GroupFolder, number>();

  async function numberOf(group: GroupFolder): Promise<number> {
    const known = numbers.get(group);
    if (known !== undefined) return known;
    const { id } = await db
      .selectFrom("groups")
      .select("id")
      .where("folder", "=", group)
      .executeTakeFirstOrThrow();
    numbers.set(group, id);
    return id;
  }

  const about = async (asked: EgressAsked) => ({
    actor: `the agent of ${asked.group}`,
    groupId: await numberOf(asked.group),
    action: "egress",
    subject: `host:${targetText(asked)}`,
  });

  return {
    async begin(row) {
      const what = `${row.how} ${row.method} ${row.path.slice(0, 200)}`.trimEnd();
      const secrets = row.secrets.length > 0 ? `; secrets: ${row.secrets.join(", ")}` : "";
      const end = await audit.begin({
        ...(await about(row)),
        detail: `${what}, turn ${row.turn}; by ${row.rule}${secrets}`,
      });
      return async ({ outcome, sent, received }) =>
        await end({ allowed: true, detail: `${what}: ${outcome}; ${sent} bytes out, ${received} in` });
    },
    refused: async (row, reason) =>
      await audit.note({
        ...(await about(row)),
        allowed: false,
        detail: `${row.method} ${row.path.slice(0, 200)}: ${reason}`,
      }),
  };
}
