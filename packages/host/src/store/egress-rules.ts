/**
 * What owners have allowed and denied on the network, by command or by answering a question. It stands beside
 * what is configured.
 *
 * - Kept in memory, since every connection asks for it; whatever changes it, changes it here.
 * - A rule is made and removed, never changed, and each is recorded in the transaction that does it.
 * - The same rule twice is one rule.
 */
import { RejectedError } from "@bellhop/sdk";
import type { Kysely, Selectable } from "kysely";
import type { Clock } from "../core/clock.ts";
import { EgressRule, type PlacedRule, ruleWords } from "../core/egress-rule.ts";
import { given } from "../core/given.ts";
import type { GroupFolder } from "../core/ids.ts";
import type { Audit } from "./audit.ts";
import type { Database, EgressRulesTable } from "./tables.ts";

export interface StoredEgressRule {
  readonly id: number;
  /** Null: for every group. */
  readonly group: GroupFolder | null;
  readonly rule: EgressRule;
  readonly pin: string | null;
  readonly createdBy: string;
  readonly createdAt: number;
}

export async function openEgressRules(db: Kysely<Database>, clock: Clock, audit: Pick<Audit, "write">) {
  const rows = await db
    .selectFrom("egress_rules")
    .leftJoin("groups", "groups.id", "egress_rules.group_id")
    .selectAll("egress_rules")
    .select("groups.folder")
    .orderBy("egress_rules.id")
    .execute();
  const rules = new Map(rows.map((row) => [row.id, stored(row, row.folder)]));

  function same(group: GroupFolder | null, rule: EgressRule, pin: string | null) {
    return [...rules.values()].find(
      (one) => one.group === group && one.pin === pin && JSON.stringify(one.rule) === JSON.stringify(rule),
    );
  }

  return {
    list: (): readonly StoredEgressRule[] => [...rules.values()],

    /** Those of the group, and of all. */
    of: (group: GroupFolder): readonly PlacedRule[] =>
      [...rules.values()]
        .filter((one) => one.group === null || one.group === group)
        .map(({ id, group: own, rule, pin }) => ({
          rule,
          origin: own === null ? "install" : "group",
          source: `allow ${id}`,
          ...(pin !== null && { pin }),
        })),

    /** @throws RejectedError when there is no such group */
    async add(
      { group, rule, pin }: Pick<StoredEgressRule, "group" | "rule" | "pin">,
      by: string,
    ): Promise<StoredEgressRule> {
      const there = same(group, rule, pin);
      if (there) return there;
      const row = await db.transaction().execute(async (trx) => {
        const groupId = group === null ? null : await groupNamed(trx, group);
        const inserted = await trx
          .insertInto("egress_rules")
          .values({
            group_id: groupId,
            host: rule.host,
            port: rule.port ?? null,
            methods: rule.methods?.join(",") ?? null,
            path: rule.path ?? null,
            action: rule.action,
            write: rule.write ? 1 : 0,
            pin,
            created_by: by,
            created_at: clock.now(),
          })
          .returningAll()
          .executeTakeFirstOrThrow();
        const detail = pin === null ? ruleWords(rule) : `${ruleWords(rule)} at ${pin}`;
        const subject = `egress:${inserted.id}`;
        const action = "egress rule made";
        await audit.write(trx, { actor: by, groupId, action, subject, allowed: true, detail });
        return inserted;
      });
      const made = stored(row, group);
      rules.set(made.id, made);
      return made;
    },

    /** @throws RejectedError when there is none */
    async remove(id: number, by: string): Promise<StoredEgressRule> {
      const one = rules.get(id);
      if (!one) throw new RejectedError(`There is no rule ${id}; see: bellhop allow list.`);
      await db.transaction().execute(async (trx) => {
        const row = await trx
          .deleteFrom("egress_rules")
          .where("id", "=", id)
          .returning("group_id")
          .executeTakeFirstOrThrow();
        await audit.write(trx, {
          actor: by,
          groupId: row.group_id,
          action: "egress rule removed",
          subject: `egress:${id}`,
          allowed: true,
          detail: ruleWords(one.rule),
        });
      });
      rules.delete(id);
      return one;
    },
  };
}

async function groupNamed(trx: Kysely<Database>, folder: GroupFolder): Promise<number> {
  const row = await trx.selectFrom("groups").select("id").where("folder", "=", folder).executeTakeFirst();
  if (row) return row.id;
  throw new RejectedError(`There is no group ${folder}; groups are made in config.yaml.`);
}

function stored(row: Selectable<EgressRulesTable>, group: GroupFolder | null): StoredEgressRule {
  const { id, host, port, methods, path, action, write, pin, created_by, created_at } = row;
  const rule = EgressRule.parse({
    host,
    action,
    write: write === 1,
    ...given({
      port: port ?? undefined,
      methods: methods?.split(","),
      path: path ?? undefined,
    }),
  });
  return { id, group, rule, pin, createdBy: created_by, createdAt: created_at };
}
