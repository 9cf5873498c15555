/**
 * What an owner sets, and which accounts there are: each is linked by its owner's phone, and has the variable that
 * its linking wrote. A name or a mode may stand here before its account is linked.
 */
import { ConfigError, numberedName, numberedVariable } from "@bellhop/sdk";
import { z } from "zod";

/** In the manifest, each with its number: when that account was linked. */
const LINKED_AT = "WHATSAPP_LINKED_AT";
export const MOST_ACCOUNTS = 3;

const Mode = z.enum(["own", "shared"]);

const Settings = z.strictObject({
  /** Names of the accounts, in the order of their numbers. */
  accounts: z
    .array(z.string().regex(/^[A-Za-z0-9_-]{0,32}$/))
    .max(MOST_ACCOUNTS)
    .optional(),
  mode: Mode.default("own"),
  /** In the order of the numbers, for accounts of which `mode` does not hold. */
  modes: z.array(Mode).max(MOST_ACCOUNTS).default([]),
  readReceipts: z.boolean().default(false),
  markOnline: z.boolean().default(false),
  version: z.tuple([z.int().min(0), z.int().min(0), z.int().min(0)]).optional(),
});

/** Of one account. */
export type Settings = Readonly<Omit<z.infer<typeof Settings>, "accounts" | "modes">>;

export interface Place {
  /** From 1: of its file. */
  readonly number: number;
  /** As it stands in the addresses of its chats. */
  readonly account: string;
  readonly variable: string;
  /** Bellhop uses the account that is linked here, if one is. */
  readonly isKept: boolean;
  readonly settings: Settings;
}

/**
 * As many as there may be, whether an account is linked there or not.
 * @throws ConfigError
 */
export function placesOf(given: unknown, environment: Readonly<Record<string, string>>): readonly Place[] {
  const parsed = Settings.safeParse(given ?? {});
  if (!parsed.success)
    throw new ConfigError(
      `The settings of the plugin whatsapp do not hold: ${z.prettifyError(parsed.error)}`,
    );
  const { accounts: names, mode, modes, ...settings } = parsed.data;
  const places = Array.from({ length: MOST_ACCOUNTS }, (_, index): Place => {
    const number = index + 1;
    const variable = numberedVariable(LINKED_AT, number);
    return {
      number,
      account: numberedName(number, names),
      variable,
      isKept: environment[variable] !== undefined,
      settings: { ...settings, mode: modes[index] ?? mode },
    };
  });
  const kept = places.filter(({ isKept }) => isKept).map(({ account }) => account);
  if (new Set(kept).size < kept.length) throw new ConfigError("Two WhatsApp accounts have the same name.");
  return places;
}
