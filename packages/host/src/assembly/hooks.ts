/** Plugins in the way of messages: who is asked, and what is told when one fails. */
import { createHookCalls } from "../core/hook-calls.ts";
import type { Plugins } from "../core/plugin.ts";
import type { Notices } from "../outbox/notices.ts";
import type { Ground } from "./ground.ts";

export type Hooks = ReturnType<typeof openHooks>;

export function openHooks({ clock, log, opened }: Ground, plugins: Plugins) {
  /** Nobody can be told before there is a way out. */
  let notices: Notices | undefined;
  const calls = createHookCalls({
    plugins,
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
  };
}
