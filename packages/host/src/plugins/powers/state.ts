/** The key-value store of a plugin's own (`state`), and its lines in the log. */
import { z } from "zod";
import type { Clock } from "../../core/clock.ts";
import type { PluginState } from "../../store/plugin-state.ts";
import { power, type Powers } from "./power.ts";
import { createRate } from "./rate.ts";

export interface StateParts {
  readonly state: PluginState;
  readonly log: (plugin: string, line: LogLine) => void;
  readonly clock: Clock;
}

const Key = z.string().min(1).max(256);
const LogLine = z.strictObject({
  level: z.enum(["debug", "info", "warn", "error"]),
  text: z.string(),
  fields: z.record(z.string(), z.json()).default({}),
});
export type LogLine = z.infer<typeof LogLine>;

const TEXT_LENGTH = 2_000;
const FIELDS_LENGTH = 4_000;
const LINES_PER_MINUTE = 600;

export function statePowers({ state, log, clock }: StateParts): Powers {
  const lines = createRate(clock, LINES_PER_MINUTE, "lines of log");
  /** Whether it is known to have been cut short. */
  const cut = new Set<string>();

  return {
    /** `{}` where there is none: a value may itself be null. */
    "state.get": power("state", z.strictObject({ key: Key }), async ({ name }, { key }) => {
      const value = await state.get(name, key);
      return value === undefined ? {} : { value };
    }),
    "state.set": power(
      "state",
      z.strictObject({ key: Key, value: z.json() }),
      async ({ name }, { key, value }) => {
        await state.set(name, key, value);
        return undefined;
      },
    ),
    "state.delete": power("state", z.strictObject({ key: Key }), async ({ name }, { key }) => {
      await state.delete(name, key);
      return undefined;
    }),
    "state.keys": power(
      "state",
      z.strictObject({ prefix: z.string().max(256).default("") }),
      ({ name }, { prefix }) => state.keys(name, prefix),
    ),

    /** Never refused for its length or number: a plugin that talks too much must not fail for it. */
    log: power(undefined, LogLine, async ({ name }, { level, text, fields }) => {
      if (!lines.room(name)) {
        if (!cut.has(name))
          log(name, { level: "warn", text: `says too much; lines are left out`, fields: {} });
        cut.add(name);
        return undefined;
      }
      cut.delete(name);
      const long = JSON.stringify(fields).length > FIELDS_LENGTH;
      log(name, { level, text: text.slice(0, TEXT_LENGTH), fields: long ? { fields: "too long" } : fields });
      return undefined;
    }),
  };
}
