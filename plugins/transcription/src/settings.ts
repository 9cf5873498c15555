/** What an owner sets: who transcribes, and how large and how slow a recording may be. */
import { ConfigError, safeRoot } from "@bellhop/sdk";
import { z } from "zod";

export const API_KEY = "TRANSCRIPTION_API_KEY";

const Settings = z.strictObject({
  /** A program and its arguments, `{file}` among them. */
  command: z.array(z.string()).min(1).max(100).optional(),
  endpoint: z
    .strictObject({
      url: z.url({ protocol: /^https?$/ }),
      model: z.string().min(1),
      language: z
        .string()
        .regex(/^[a-z]{2,3}$/)
        .optional(),
      allowPlainHttp: z.boolean().default(false),
    })
    .optional(),
  answeredOnly: z.boolean().default(true),
  maxFileMb: z.number().positive().max(200).default(25),
  timeoutSeconds: z.number().positive().max(1_800).default(180),
});

export type By =
  | { readonly how: "command"; readonly argv: readonly string[] }
  | {
      readonly how: "endpoint";
      /** Without a slash at its end. */
      readonly root: string;
      readonly model: string;
      readonly language: string | undefined;
      readonly key: string | undefined;
    };

export interface Plan {
  readonly by: By;
  readonly answeredOnly: boolean;
  readonly maxBytes: number;
  readonly timeoutMs: number;
}

/** @throws ConfigError */
export function planOf(settings: unknown, environment: Readonly<Record<string, string>>): Plan {
  const parsed = Settings.safeParse(settings ?? {});
  if (!parsed.success)
    throw new ConfigError(
      `The settings of the plugin transcription do not hold: ${z.prettifyError(parsed.error)}`,
    );
  const { answeredOnly, maxFileMb, timeoutSeconds } = parsed.data;
  return {
    by: byOf(parsed.data, environment),
    answeredOnly,
    maxBytes: Math.floor(maxFileMb * 1024 * 1024),
    timeoutMs: timeoutSeconds * 1_000,
  };
}

function byOf(
  { command, endpoint }: z.infer<typeof Settings>,
  environment: Readonly<Record<string, string>>,
): By {
  if ((command === undefined) === (endpoint === undefined))
    throw new ConfigError(
      "Say who transcribes: set either `command` or `endpoint` of the plugin transcription (docs/transcription.md).",
    );
  if (command) {
    if (command.some((word) => word.includes("{file}"))) return { how: "command", argv: command };
    throw new ConfigError("`command` of the plugin transcription has no {file}, so it would hear nothing.");
  }
  const { url = "", model = "", language, allowPlainHttp = false } = endpoint ?? {};
  const root = safeRoot(url, { who: "The transcription service", allowPlain: allowPlainHttp });
  return { how: "endpoint", root, model, language, key: environment[API_KEY] || undefined };
}
