/**
 * Which model route a conversation goes over: the first in its group's order that can be asked.
 *
 * - Every route has a health of its own (provider-health.ts).
 * - A conversation stays where it is while that works, even if an earlier route works again: no other can read
 *   it. A new one, or one after /new, begins at the front again.
 * - Where nothing in the order can be asked, nothing moves: it waits as if there were one route only.
 */
import type { Clock } from "../core/clock.ts";
import type { GroupFolder } from "../core/ids.ts";
import type { Claim } from "../store/claims.ts";
import type { Session } from "../store/sessions.ts";
import type { ProviderHealth } from "./provider-health.ts";

export interface RoutesParts {
  /** What the owner has said; never empty. `ownSession`: of a task's run that shares no conversation. */
  readonly orderOf: (group: GroupFolder, ownSession: boolean) => readonly string[];
  readonly clock: Clock;
}

export interface Choice {
  /** For a conversation that begins now. */
  readonly provider: string;
  /** Whether one that is held over this route stays there. */
  readonly keeps: (provider: string) => boolean;
}

export type Routes = ReturnType<typeof createRoutes>;

export function createRoutes({ orderOf, clock }: RoutesParts) {
  const healths = new Map<string, ProviderHealth>();
  let begin: ((provider: string) => ProviderHealth) | undefined;

  /** One of which nothing was heard yet is as good as any. */
  const from = (provider: string) => {
    const health = healths.get(provider);
    return health ? health.worthAsking() : 0;
  };
  const works = (provider: string) => (from(provider) ?? Infinity) <= clock.now();
  const orderFor = ({ chat, session }: Pick<Claim, "chat" | "session">) =>
    orderOf(chat.folder, session.scope_kind === "occurrence");

  return {
    /** Says how the health of a route is kept; before the first turn. */
    attend(how: (provider: string) => ProviderHealth): void {
      begin = how;
    },

    health(provider: string): ProviderHealth {
      const known = healths.get(provider) ?? begin?.(provider);
      if (!known) throw new Error("nobody attends to the health of model routes yet");
      healths.set(provider, known);
      return known;
    },

    choose(group: GroupFolder, scope?: Session["scope_kind"]): Choice {
      const order = orderOf(group, scope === "occurrence");
      const working = order.find(works);
      return {
        provider: working ?? order[0] ?? "",
        keeps: (provider) => order.includes(provider) && (works(provider) || working === undefined),
      };
    },

    /** When another route may answer this turn, where its own cannot just now: `clock.now()` for at once. */
    elsewhere(claim: Pick<Claim, "chat" | "session">): number | undefined {
      const { provider } = claim.session;
      if (works(provider)) return undefined;
      const others = orderFor(claim).flatMap((name) => (name === provider ? [] : (from(name) ?? [])));
      return others.length === 0 ? undefined : Math.max(clock.now(), Math.min(...others));
    },

    /** The route in whose place this turn's own one answers. */
    standsInFor(claim: Pick<Claim, "chat" | "session">): string | undefined {
      const order = orderFor(claim);
      return order.indexOf(claim.session.provider) > 0 ? order[0] : undefined;
    },

    /** For `status`: undefined while nothing is wrong. */
    trouble: (provider: string): string | undefined => healths.get(provider)?.trouble(),

    close(): void {
      for (const health of healths.values()) health.close();
    },
  };
}
