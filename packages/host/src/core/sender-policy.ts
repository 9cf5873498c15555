/**
 * Who may speak: what `sender-allowlist.json` says, and what follows from it for one sender in one chat.
 * Pure; reading and watching the file is policy/sender-allowlist.ts.
 *
 * - Without a file everyone may. A chat's own entry goes before `default`.
 * - An entry that is broken closes its chat, and only that. A file that is broken as a whole changes
 *   nothing of what held before; where nothing did, only owners may.
 * - The assistant's own account always may.
 */
import { z } from "zod";
import { ChatId, SenderId } from "./ids.ts";

const Rule = z.strictObject({
  allow: z.union(
    [z.literal("*"), z.array(SenderId)],
    'allow is "*" or a list of senders, such as telegram:7',
  ),
  mode: z.enum(["trigger", "drop"], 'mode is "trigger" or "drop"'),
});
type Rule = z.infer<typeof Rule>;

const AllowlistFile = z.strictObject({
  default: Rule,
  chats: z.record(z.string(), z.unknown()).default({}),
  logDenied: z.boolean().default(true),
});

export interface SenderPolicy {
  readonly default: Rule;
  /** `closed`: its entry is broken. */
  readonly chats: ReadonlyMap<string, Rule | "closed">;
  readonly logDenied: boolean;
}

export const EVERYONE: SenderPolicy = {
  default: { allow: "*", mode: "trigger" },
  chats: new Map(),
  logDenied: true,
};

/** What holds where there is a file, and no version of it was ever whole. */
export const OWNERS_ONLY: SenderPolicy = {
  default: { allow: [], mode: "trigger" },
  chats: new Map(),
  logDenied: true,
};

export type ReadPolicy =
  | {
      readonly policy: SenderPolicy;
      /** One plain sentence for each entry that is broken. */
      readonly problems: readonly string[];
    }
  | { readonly broken: string };

/** The file's text as a policy. */
export function readSenderPolicy(text: string): ReadPolicy {
  const json = jsonOf(text);
  if ("broken" in json) return json;
  const file = AllowlistFile.safeParse(json.value);
  if (!file.success) return { broken: wordsOf(file.error) };
  const problems: string[] = [];
  const chats = new Map<string, Rule | "closed">();
  for (const [chat, entry] of Object.entries(file.data.chats)) {
    const rule = Rule.safeParse(entry);
    if (!ChatId.safeParse(chat).success) problems.push(`${show(chat)} is no address of a chat`);
    else if (rule.success) chats.set(chat, rule.data);
    else {
      chats.set(chat, "closed");
      problems.push(
        `the entry of ${chat} is broken (${wordsOf(rule.error)}), so only owners may speak there`,
      );
    }
  }
  const { default: standard, logDenied } = file.data;
  return { policy: { default: standard, chats, logDenied }, problems };
}

export interface Speaking {
  readonly chat: ChatId;
  readonly sender: SenderId;
  readonly owner: boolean;
  /** The assistant's own account wrote it. */
  readonly self: boolean;
}

export type Word =
  | { readonly may: true }
  /** `trigger`: it is kept as context. `drop`: nothing of it is. */
  | { readonly may: false; readonly mode: Rule["mode"]; readonly reason: string };

export function mayCall(policy: SenderPolicy, { chat, sender, owner, self }: Speaking): Word {
  if (self) return { may: true };
  const own = policy.chats.get(chat);
  if (own === "closed")
    return owner
      ? { may: true }
      : { may: false, mode: "trigger", reason: "this chat's entry in the sender allowlist is broken" };
  // No file that ever was whole: see OWNERS_ONLY.
  if (owner && policy === OWNERS_ONLY) return { may: true };
  const { allow, mode } = own ?? policy.default;
  if (allow === "*" || allow.includes(sender)) return { may: true };
  return { may: false, mode, reason: "the sender allowlist does not let this sender call the assistant" };
}

function jsonOf(text: string): { readonly value: unknown } | { readonly broken: string } {
  try {
    return { value: JSON.parse(text) };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return { broken: `it is no JSON: ${error.message}` };
  }
}

function wordsOf(error: z.ZodError): string {
  return error.issues
    .map(({ path, message }) => (path.length === 0 ? message : `${path.join(".")}: ${message}`))
    .join("; ")
    .slice(0, 500);
}

function show(text: string): string {
  return JSON.stringify(text.slice(0, 100));
}
