/**
 * Plugins before there are any: what they give goes to parts that are made before their room, which tells owners
 * of trouble and so needs the way out.
 */
import type { Plugins } from "../core/plugin.ts";

export interface LatePlugins extends Plugins {
  /** From now on these are they. Whoever listens is told. */
  join(room: Plugins): void;
}

export function latePlugins(): LatePlugins {
  let joined: Plugins | undefined;
  const listeners = new Set<() => void>();
  function tell(): void {
    for (const listener of listeners) listener();
  }
  return {
    active: () => joined?.active() ?? [],
    list: () => joined?.list() ?? [],
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    join(room) {
      joined = room;
      room.onChange(tell);
      tell();
    },
  };
}
