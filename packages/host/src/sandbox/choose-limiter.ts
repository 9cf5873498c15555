/** The strongest tier of limits that this machine grants this process. */
import { RejectedError } from "@bellhop/sdk";
import type { Clock } from "../core/clock.ts";
import type { Log } from "../log.ts";
import { cgroupLimiter } from "./cgroups.ts";
import type { Limiter, LimitsTier } from "./limits.ts";
import { rlimitLimiter } from "./rlimits.ts";
import { scopeLimiter } from "./systemd-scope.ts";

export interface LimiterOptions {
  readonly homeId: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly uid: number;
  readonly env: { readonly PATH: string };
  readonly watchdogMs?: number | undefined;
  /** Only this one will do: so that every tier can be proved on a machine that has several. */
  readonly only?: LimitsTier | undefined;
}

/** @throws RejectedError when `only` asks for a tier that the machine does not have */
export async function chooseLimiter({ only, ...options }: LimiterOptions): Promise<Limiter> {
  const makers = [
    () => cgroupLimiter(options),
    () => (options.uid === 0 ? undefined : scopeLimiter(options)),
    () => rlimitLimiter(options),
  ];
  for (const make of makers) {
    const limiter = await make();
    if (limiter && (only === undefined || limiter.tier === only)) return limiter;
  }
  throw new RejectedError(`this machine does not have limits of the tier ${only}`);
}
