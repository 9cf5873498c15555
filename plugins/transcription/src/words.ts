/** What the agent reads of a message whose recordings were transcribed, or were not. */
import type { InboundVerdict } from "@bellhop/sdk";
import type { Recording } from "./job.ts";

/** `text`: what was said. `why`: the reason why there is none, in words. */
export type Outcome = { readonly of: Recording } & ({ readonly text: string } | { readonly why: string });

/**
 * What was said is the sender's, and stands in their own text; what this plugin has to say of it is a note.
 * @param caption what the sender wrote beside
 */
export function verdictOf(
  caption: string,
  outcomes: readonly Outcome[],
): Pick<InboundVerdict, "text" | "note"> {
  const several = outcomes.length > 1;
  const named = ({ of }: Outcome) => (several ? ` ${JSON.stringify(of.name)}` : "");
  const said = outcomes.flatMap((one) =>
    "text" in one ? [`[voice note${named(one)}, transcribed] ${one.text}`] : [],
  );
  const failed = outcomes.flatMap((one) => ("why" in one ? [notTranscribed(one.why, named(one))] : []));
  return {
    ...(said.length > 0 && { text: [caption, ...said].filter((part) => part !== "").join("\n\n") }),
    ...(failed.length > 0 && { note: failed.join("\n").slice(0, 8_000) }),
  };
}

export const notTranscribed = (why: string, named = ""): string =>
  `The voice note${named} could not be transcribed: ${why}.`;
