/**
 * Asking plugins: who is asked, in which order, for how long, and what happens where one fails.
 *
 * - In the order of their names, one after the other; each sees what those before it made of the message.
 * - One that throws, is late or answers nonsense is left out for this message, and the owner is told, once
 *   for each cause. A message waits for no plugin longer than that takes.
 * - One that failed three times in a row is not asked for a minute: else each message of a busy chat would
 *   wait for it.
 */
import type { HookName, Json } from "@bellhop/sdk";
import type { z } from "zod";
import type { Clock } from "./clock.ts";
import type { ChatId, GroupFolder } from "./ids.ts";
import { type ActivePlugin, inScope, type Plugins } from "./plugin.ts";

export interface HookCallsParts {
  readonly plugins: Pick<Plugins, "active" | "onChange">;
  /** Tells the owner, once per key. */
  readonly tell: (key: string, text: string) => void;
  readonly clock: Clock;
}

/** `failed`: why, in words that stand after "it". */
export type Answer<T> = { readonly said: T | undefined } | { readonly failed: string };

/** What a hook may take where its manifest says nothing. */
const DEFAULT_MS = 5_000;
const FAILURES = 3;
const REST_MS = 60_000;
/** A plugin that fails in ever new ways is not told of for ever. */
const MOST_TOLD = 200;

export type HookCalls = ReturnType<typeof createHookCalls>;

export function createHookCalls({ plugins, tell, clock }: HookCallsParts) {
  const failing = new Map<string, { failures: number; restsUntil: number }>();
  const told = new Set<string>();
  const unsubscribe = plugins.onChange(() => failing.clear());

  function failed(plugin: ActivePlugin, hook: HookName, why: string): void {
    const key = `${plugin.name}:${hook}`;
    const failures = (failing.get(key)?.failures ?? 0) + 1;
    failing.set(key, { failures, restsUntil: failures < FAILURES ? 0 : clock.monotonic() + REST_MS });
    // The same cause with another number in it is the same cause.
    const cause = `${key}:${plugin.manifest.version}:${why.replaceAll(/\d+/g, "#").slice(0, 150)}`;
    if (told.has(cause) || told.size >= MOST_TOLD) return;
    told.add(cause);
    tell(
      `hook:${cause}`,
      `The plugin ${plugin.name} was left out at ${hook}: it ${why}. Messages go on without it.`,
    );
  }

  async function timed(plugin: ActivePlugin, hook: HookName, event: Json): Promise<Json | undefined> {
    const ms = plugin.manifest.hookTimeoutsMs[hook] ?? DEFAULT_MS;
    const late = Promise.withResolvers<never>();
    const cancel = clock.after(ms, () => late.reject(new Error(`did not answer within ${ms} ms`)));
    const called = Promise.resolve().then(() => plugin.hook(hook, event));
    called.catch(() => undefined); // one that fails after its time was told of already
    try {
      return await Promise.race([called, late.promise]);
    } finally {
      cancel();
    }
  }

  return {
    /** Those that have this hook, in the order in which they are asked. */
    of: (hook: HookName, group: GroupFolder, chat: ChatId): readonly ActivePlugin[] =>
      plugins
        .active()
        .filter(
          ({ manifest, installed }) => manifest.hooks.includes(hook) && inScope(installed.scope, group, chat),
        ),

    /** Whether any plugin has it at all: where none has, nothing else is looked up. */
    any: (hook: HookName): boolean => plugins.active().some(({ manifest }) => manifest.hooks.includes(hook)),

    /** Never rejects. */
    async ask<T>(
      plugin: ActivePlugin,
      hook: HookName,
      event: Json,
      schema: z.ZodType<T>,
    ): Promise<Answer<T>> {
      const rests = failing.get(`${plugin.name}:${hook}`)?.restsUntil ?? 0;
      if (rests > clock.monotonic()) return { failed: "rests, because it has failed again and again" };
      try {
        const answer = await timed(plugin, hook, event);
        const parsed = answer === undefined || answer === null ? undefined : schema.safeParse(answer);
        if (parsed && !parsed.success) throw new Error(`answered what means nothing: ${wrong(parsed.error)}`);
        failing.delete(`${plugin.name}:${hook}`);
        return { said: parsed?.data };
      } catch (error) {
        const why = words(error);
        failed(plugin, hook, why);
        return { failed: why };
      }
    },

    /** It answered, but with what cannot be used. */
    failed,

    close: unsubscribe,
  };
}

function wrong({ issues }: z.ZodError): string {
  return issues
    .slice(0, 3)
    .map(({ path, message }) => `${path.join(".") || "its answer"}: ${message}`)
    .join("; ");
}

function words(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const line = text.replaceAll(/\s+/g, " ").trim().slice(0, 300).toWellFormed();
  return /^(did not|answered)/.test(line) ? line : `failed: ${line || "it did not say why"}`;
}
