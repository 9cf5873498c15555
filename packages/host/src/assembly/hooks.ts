/** Plugins in the way of messages: who is asked, and what is told when one fails. */
import { createHookCalls } from "../core/hook-calls.ts";
import type { Plugins } from "../core/plugin.ts";
import type { Notices } from "../outbox/notices.ts";
import type { Ground } from "./ground.ts";

export type Hooks = ReturnType<typeof openHooks>;

/** Stands before the plugins themselves: what messages pass is there before whoever runs plugins. */
export function openHooks({ clock, log, opened }: Ground) {
  let notices: Notices | undefined;
  let plugins: Plugins | undefined;
  const listeners = new Set<() => void>();
  const calls = createHookCalls({
    plugins: {
      active: () => plugins?.active() ?? [],
      onChange(listener) {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
    tell(key, text) {
      if (notices) void notices.tell(key, text);
      else log.warn({ key }, text);
    },
    clock,
  });
  opened.defer(calls.close);
  return {
    calls,
    tellBy(way: Notices): void {
      notices = way;
    },
    /** From now on these are asked. */
    join(all: Plugins): void {
      plugins = all;
      opened.defer(
        all.onChange(() => {
          for (const listener of listeners) listener();
        }),
      );
    },
  };
}
