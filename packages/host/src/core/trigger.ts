/**
 * The trigger: whether a message in a chat calls the assistant, and why. Pure; the reason is what
 * `/why` prints.
 *
 * - What the assistant itself sent never calls it, whatever it says.
 * - Other bots call it only where the group says so, and then so often and no more: two programs
 *   that answer each other would never end.
 * - What does not call it is kept as context for the next message that does.
 */

export interface TriggerSettings {
  /** The assistant's name in this group. */
  readonly assistant: string;
  /** `auto`: always in direct chats and `main`, else when called. */
  readonly trigger: "auto" | "always" | "called";
  /** Whether other bots may call it. */
  readonly bots: boolean;
  /** The group's own pattern. It must take linear time: people give it, and strangers give the text. */
  readonly pattern?: ((text: string) => boolean) | undefined;
}

/** A message, and what it stands in. */
export interface Said {
  readonly text: string;
  readonly chat: { readonly direct: boolean; readonly main: boolean };
  /** The assistant wrote it: its platform says so, or we know the message as one that we sent. */
  readonly ours: boolean;
  /** A program wrote it. */
  readonly bot: boolean;
  /** How often other bots called in this chat within the last `BOT_WINDOW_MS`. */
  readonly botTurns: number;
  readonly mentionsUs: boolean;
  /** It replies to a message of the assistant's. */
  readonly answersUs: boolean;
}

export type Verdict =
  | { readonly verdict: "admitted" | "refused"; readonly reason: string }
  /** Stored, but not for a turn. `context`: it rides along with the next one. */
  | { readonly verdict: "noted"; readonly reason: string; readonly context: boolean };

export type Trigger = (said: Said) => Verdict;

/** The loop budget. A lively exchange of people with a bot stays below it, a loop does not. */
export const BOT_TURNS = 20;
export const BOT_WINDOW_MS = 10 * 60_000;

export function createTrigger({ assistant, trigger, bots, pattern }: TriggerSettings): Trigger {
  const named = startsWithName(assistant);

  function calledBy({ text, chat, mentionsUs, answersUs }: Said): string | undefined {
    if (trigger === "always") return "this group answers every message";
    if (trigger === "auto" && chat.direct) return "this is a direct chat, and those are always answered";
    if (trigger === "auto" && chat.main) return "the main group answers every message";
    if (mentionsUs) return "it mentions the assistant";
    if (answersUs) return "it replies to a message of the assistant's";
    if (named(text)) return `it begins with @${assistant}`;
    if (pattern?.(text)) return "it fits this group's own pattern";
    return undefined;
  }

  return (said) => {
    if (said.ours) return { verdict: "noted", reason: "the assistant itself sent it", context: false };
    const reason = calledBy(said);
    if (reason === undefined) {
      const how = `@${assistant} at the start, a mention, or a reply to the assistant`;
      return { verdict: "noted", reason: `it did not call the assistant (${how})`, context: true };
    }
    if (!said.bot) return { verdict: "admitted", reason };
    if (!bots)
      return { verdict: "noted", reason: "another bot wrote it, and this group answers none", context: true };
    if (said.botTurns < BOT_TURNS) return { verdict: "admitted", reason };
    const minutes = BOT_WINDOW_MS / 60_000;
    return {
      verdict: "refused",
      reason: `bots have called the assistant ${BOT_TURNS} times within ${minutes} minutes, which is all they may`,
    };
  };
}

/** A text may begin with a megabyte of blanks; a call begins sooner. */
const LOOKED_AT = 1_024;

/**
 * Whether a text begins with `@Name`: a whole word, in any case, whatever characters the name has.
 * Blanks and invisible marks before it do not count (some apps wrap a mention in them). Where a script
 * is written without blanks between words, the word ends wherever such a character follows.
 */
export function startsWithName(name: string): (text: string) => boolean {
  const call = new RegExp(
    String.raw`^[\s\p{Cf}]*[@\uff20]${literally(name.normalize("NFC"))}(?!${WORD})`,
    "iv",
  );
  return (text) => call.test(text.slice(0, LOOKED_AT).normalize("NFC"));
}

const WITHOUT_BLANKS = ["Han", "Hiragana", "Katakana", "Thai", "Lao", "Khmer", "Myanmar"];
/** What continues a word. */
const WORD = String.raw`[[\p{L}\p{N}\p{M}\p{Pc}\p{Join_Control}]--[${WITHOUT_BLANKS.map((script) => String.raw`\p{Script=${script}}`).join("")}]]`;

function literally(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`);
}
