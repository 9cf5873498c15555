/**
 * What is written down of everything that goes out to the network: before it goes, and how it ended. Never a query,
 * a header or a body, because those may hold what nobody should read here.
 */
import type { Kysely } from "kysely";
import type { Clock } from "../core/clock.ts";
import { targetText } from "../core/egress-rule.ts";
import type { GroupFolder, SessionId, TurnId } from "../core/ids.ts";
import { audit } from "./audit.ts";
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

export function createEgressRecord(db: Kysely<Database>, clock: Clock): EgressRecord {
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

  async function write(asked: EgressAsked, action: string, allowed: boolean, detail: string): Promise<void> {
    const row = {
      actor: `the agent of ${asked.group}`,
      groupId: await numberOf(asked.group),
      action,
      subject: `host:${targetText(asked)}`,
      allowed,
      detail,
    };
    await audit(db, row, clock.now());
  }

  return {
    async begin(row) {
      const what = `${row.how} ${row.method} ${row.path.slice(0, 200)}`.trimEnd();
      const secrets = row.secrets.length > 0 ? `; secrets: ${row.secrets.join(", ")}` : "";
      await write(row, "egress", true, `${what}, turn ${row.turn}; by ${row.rule}${secrets}`);
      return async ({ outcome, sent, received }) => {
        await write(row, "egress ended", true, `${what}: ${outcome}; ${sent} bytes out, ${received} in`);
      };
    },
    refused: (row, reason) =>
      write(row, "egress", false, `${row.method} ${row.path.slice(0, 200)}: ${reason}`),
  };
}
