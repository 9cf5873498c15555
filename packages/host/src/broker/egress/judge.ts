/**
 * Whether one sandbox may reach a host, and may make a request there (design 5.2): rules, the group's mode, an
 * owner's word, and taint, in this order, at one place.
 *
 * - No name is looked up, and nothing is connected to, before this has said yes.
 * - `open-get` ends with taint. A write of a tainted turn to a host that is not on the write list is for the
 *   policy to judge, whatever a rule allows.
 * - What an owner allowed `once` holds for the turn that asked.
 */
import type { GroupFolder, SessionId, TurnId } from "../../core/ids.ts";
import {
  type Asked,
  type EgressMode,
  onWriteList,
  outlook,
  type PlacedRule,
  ruleWords,
  type Target,
  targetText,
  winner,
} from "../../core/egress-rule.ts";
import type { Action, Policy, Taint } from "../../policy/policy.ts";

/** How long a request is held for an owner to answer. */
export const HELD_MS = 60_000;

export type Verdict =
  /** `tunnel`: its bytes need not be looked at. `rule` in words, for the record. */
  | { readonly may: true; readonly how: "tunnel" | "inspect"; readonly rule: string }
  /** `reason` is what the agent reads: why, and how a person can allow it. */
  | { readonly may: false; readonly rule: string; readonly reason: string };

export interface JudgeDeps {
  readonly rulesOf: (group: GroupFolder) => readonly PlacedRule[];
  readonly modeOf: (group: GroupFolder) => EgressMode;
  /** An owner's lasting answer. */
  readonly keep: (group: GroupFolder, target: Target, action: "allow" | "deny") => Promise<void>;
  /** A secret is bound there, so its bytes have to be looked at. */
  readonly binds: (target: Target) => boolean;
  readonly policy: Policy;
  readonly taint: Taint;
}

export type Judge = ReturnType<typeof createJudge>;

export function createJudge(
  { group, session }: { readonly group: GroupFolder; readonly session: SessionId },
  { rulesOf, modeOf, keep, binds, policy, taint }: JudgeDeps,
) {
  /** Of the turn `onceOf`. */
  let once = new Set<string>();
  let onceOf: TurnId | undefined;

  const tainted = () => taint.of(session);

  /** An owner's `once` is a rule for as long as its turn lives. */
  function rules(turn: TurnId): readonly PlacedRule[] {
    if (turn !== onceOf) {
      once = new Set();
      onceOf = turn;
    }
    return rulesOf(group);
  }

  function refuse(target: Target, rule: string, why: string, how = true): Verdict {
    const help = how ? ` A person can allow it: ${allowCommand(target, group)}` : "";
    return { may: false, rule, reason: `${targetText(target)} may not be reached: ${why}.${help}` };
  }

  const denied = (target: Target, by: PlacedRule): Verdict =>
    refuse(target, named(by), `the rule "${named(by)}" says so`, false);

  const looked = (target: Target, rule: string): Verdict => ({
    may: true,
    how: tainted() || binds(target) ? "inspect" : "tunnel",
    rule,
  });

  /** A host that no rule names. */
  async function unknown(target: Target, turn: TurnId): Promise<Verdict> {
    if (once.has(targetText(target))) return looked(target, "once, by an owner");
    const mode = modeOf(group);
    if (mode === "deny") return refuse(target, "mode deny", "no rule allows it, and this group asks nobody");
    const answer = await policy.ask(
      {
        effect: "network",
        target: `host:${targetText(target)}`,
        words: `reach ${targetText(target)}`,
        detail: { host: target.host, port: target.port },
      },
      session,
      ["once", "group", "never"],
      HELD_MS,
    );
    switch (answer) {
      case "once":
        rules(turn);
        once.add(targetText(target));
        return looked(target, "once, by an owner");
      case "group":
        await keep(group, target, "allow");
        return looked(target, "allowed for the group, by an owner");
      case "never":
        await keep(group, target, "deny");
        return refuse(target, "never, by an owner", "an owner has just said never", false);
      case "unattended":
        return refuse(target, "mode ask", "no rule allows it, and nobody is there to be asked");
      case "unanswered":
        return refuse(target, "mode ask", "no rule allows it, and nobody answered in time");
      default:
        return answer satisfies never;
    }
  }

  /** What a tainted turn sends somewhere. */
  async function write(asked: Asked, search: string, bytes: number | null, rule: string): Promise<Verdict> {
    const { host, port, method, path } = asked;
    const action: Action = {
      effect: "network",
      target: `host:${targetText(asked)}`,
      words: `send: ${method} ${targetText(asked)}${path}${search}`,
      detail: { host, port, method, path, search, bytes },
    };
    const ruling = await policy.judge(action, session, HELD_MS);
    if (ruling.may) return { may: true, how: "inspect", rule: `${rule}; ${ruling.by}` };
    return {
      may: false,
      rule: "writes of a tainted answer",
      reason:
        `${method} to ${targetText(asked)} was not allowed: ${ruling.reason} ` +
        `An owner can let this group always write there: ${allowCommand(asked, group)} --write`,
    };
  }

  return {
    /** Before a connection: may its host be reached at all? */
    async connection(target: Target, turn: TurnId): Promise<Verdict> {
      const seen = outlook(rules(turn), target);
      switch (seen.kind) {
        case "denied":
          return denied(target, seen.by);
        case "allowed":
          return looked(target, named(seen.by));
        case "depends":
          return { may: true, how: "inspect", rule: named(seen.by) };
        case "unknown":
          if (modeOf(group) === "open-get" && !tainted()) {
            return { may: true, how: "inspect", rule: "mode open-get" };
          }
          return await unknown(target, turn);
        default:
          return seen satisfies never;
      }
    },

    /**
     * Before a request.
     * @param both bytes go both ways for as long as they like, whatever the method says: a WebSocket
     */
    async request(
      asked: Asked,
      { turn, search, bytes, both }: { turn: TurnId; search: string; bytes: number | null; both: boolean },
    ): Promise<Verdict> {
      const all = rules(turn);
      const reads = !both && (asked.method === "GET" || asked.method === "HEAD");
      const by = winner(all, asked);
      if (by?.rule.action === "deny") return denied(asked, by);
      let rule = by && named(by);
      if (!by) {
        const seen = outlook(all, asked);
        if (seen.kind === "depends") {
          return refuse(
            asked,
            named(seen.by),
            `rules for this host allow other requests, not ${asked.method} ${asked.path}`,
          );
        }
        if (modeOf(group) === "open-get" && !tainted() && reads) rule = "mode open-get";
        else {
          const verdict = await unknown(asked, turn);
          if (!verdict.may) return verdict;
          ({ rule } = verdict);
        }
      }
      const known = rule ?? "";
      if (reads || !tainted() || onWriteList(all, asked)) return { may: true, how: "inspect", rule: known };
      return await write(asked, search, bytes, known);
    },

    /** A tunnel is as good as a write (design 4). */
    mayStayTunnel: (target: Target, turn: TurnId) =>
      onWriteList(rules(turn), { ...target, method: "CONNECT", path: "/" }),

    pinOf: ({ host, port }: Target): string | undefined =>
      rulesOf(group).find(({ rule, pin }) => pin !== undefined && rule.host === host && rule.port === port)
        ?.pin,
  };
}

const named = ({ rule, origin, source }: PlacedRule) => `${ruleWords(rule)} (${origin}, ${source})`;

/** What a person types; a port is named where the usual ones do not cover it. */
export function allowCommand({ host, port }: Target, group: GroupFolder): string {
  const usual = port === 443 || port === 80;
  return `bellhop allow ${usual ? host : targetText({ host, port })} --group ${group}`;
}

/** How a person allows what is not public; where nobody can, `why` has said so. */
export function privately(target: Target, group: GroupFolder, why: string): string {
  if (why.includes("nobody can allow")) return why;
  return `${why}. If it is a service of yours, a person can allow exactly it: bellhop allow ${targetText(target)} --private --group ${group}`;
}
