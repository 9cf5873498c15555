/** How an account stands, as its adapter sees it: `health` and `listen` of a channel that knows it by listening. */
import type { Channel, ChannelHealth } from "./channel.ts";
import { ConfigError } from "./errors.ts";

export function createHealth() {
  let health: ChannelHealth = { state: "connecting" };
  return {
    /** `Channel.health`. */
    now: (): ChannelHealth => health,

    /** It is connected, and hears. */
    up(): void {
      health = { state: "up" };
    },

    connecting(why: string): void {
      health = { state: "connecting", why };
    },

    /**
     * `Channel.listen`, from what listens: once that has thrown, the account is down where only its operator can
     * mend it; otherwise whoever listens tries again, and it is connecting.
     */
    listening(listen: Listen): Listen {
      return async (cursor, accept, signal) => {
        try {
          await listen(cursor, accept, signal);
        } catch (error) {
          const why = error instanceof Error ? error.message : String(error);
          health = { state: error instanceof ConfigError ? "down" : "connecting", why };
          throw error;
        }
      };
    },
  };
}

type Listen = NonNullable<Channel["listen"]>;
