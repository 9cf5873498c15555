/** What would become of an action, and why: for an owner who asks before an agent does. */
import { RejectedError } from "@bellhop/sdk";
import type { Kysely } from "kysely";
import { type GroupFolder, MAIN } from "../core/ids.ts";
import { EffectName } from "../core/trust.ts";
import type { Grants } from "../store/grants.ts";
import type { Database } from "../store/tables.ts";
import type { TaintKeeper } from "./taint.ts";

export interface Explained {
  readonly effect: EffectName;
  readonly target: string;
  readonly verdict: "allowed" | "needs approval" | "granted" | "refused";
  /** Whole sentences. */
  readonly why: readonly string[];
}

/** What people call the effects, beside their own names. */
const VERBS: Readonly<Record<string, EffectName>> = {
  send: "speak-elsewhere",
  schedule: "schedule-elsewhere",
  fetch: "network",
  write: "write-here",
};

export type Explain = (group: GroupFolder, action: string) => Promise<Explained>;

export function createExplain({
  db,
  grants,
  taint,
}: {
  readonly db: Kysely<Database>;
  readonly grants: Pick<Grants, "fitting" | "find">;
  readonly taint: Pick<TaintKeeper, "report">;
}): Explain {
  return async (group, action) => {
    const [verb = "", target = ""] = action.trim().split(/\s+/, 2);
    const named = EffectName.safeParse(VERBS[verb] ?? verb);
    if (!named.success)
      throw new RejectedError(
        `${JSON.stringify(verb)} is no action: write one of ${[...Object.keys(VERBS), ...EffectName.options].join(", ")}, and its target, as in "send chat:telegram:7".`,
      );
    const effect = named.data;
    if (effect === "read" || effect === "write-here")
      return {
        effect,
        target,
        verdict: "allowed",
        why: ["What is read or written at home needs nobody's leave."],
      };
    if (target === "")
      throw new RejectedError(
        'The target is missing, as in "send chat:telegram:7" or "fetch host:example.com:443".',
      );
    const report = await taint.report(group);
    const { id: groupId } = await db
      .selectFrom("groups")
      .select("id")
      .where("folder", "=", group)
      .executeTakeFirstOrThrow();
    const own = ownRule(effect, group);
    const wanted = { groupId, task: undefined, effect, target };
    const grant = await grants.find(wanted);
    if (grant?.never === 1)
      return {
        effect,
        target,
        verdict: "refused",
        why: [`The owner has refused it for good (${grant.id}).`],
      };
    const tainted = report.tainted
      ? [`The folder of ${group} is tainted: ${report.causes[0]?.cause ?? "its cause is not known"}.`]
      : report.conversations.map((scope) => `The conversation ${scope} is tainted.`);
    if (tainted.length === 0)
      return { effect, target, verdict: "allowed", why: [`Nothing in ${group} is tainted.`, ...own] };
    if (grant)
      return {
        effect,
        target,
        verdict: "granted",
        why: [...tainted, `The grant ${grant.id} allows it.`, ...own],
      };
    const spent = await grants.fitting(wanted);
    return {
      effect,
      target,
      verdict: "needs approval",
      why: [
        ...tainted,
        ...spent.map(({ id }) => `Of the grant ${id} nothing is left.`),
        `An owner is asked; where nobody is there, it is refused. Beforehand: bellhop grants add ${group} ${effect} '${target}'`,
        ...own,
      ],
    };
  };
}

/** What the tools ask besides, tainted or not. */
function ownRule(effect: EffectName, group: GroupFolder): string[] {
  if (group === MAIN) return [];
  if (effect === "speak-elsewhere") return [`Only ${MAIN} may write to other chats at all.`];
  if (effect === "schedule-elsewhere") return [`Only ${MAIN} may make tasks for other groups at all.`];
  if (effect === "administer") return [`Only ${MAIN} may look after groups at all.`];
  return [];
}
