/** What an adapter says of itself once its `listen` has thrown. */
import type { ChannelHealth } from "./channel.ts";
import { ConfigError } from "./errors.ts";

/** Down where only its operator can mend it; otherwise whoever listens tries again, and it is connecting. */
export function healthAfter(error: unknown): ChannelHealth {
  const why = error instanceof Error ? error.message : String(error);
  return { state: error instanceof ConfigError ? "down" : "connecting", why };
}
