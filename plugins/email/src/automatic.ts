/**
 * Mails that no person wrote to us, by their headers. Two programs that answer each other never end, so such a mail is
 * passed over before anybody could answer it, whatever a group's trigger says.
 */
const NOBODY = /^(?:mailer-daemon|postmaster|(?:no-?reply|do-?not-?reply)(?:[+.-].*)?)@/;

export interface AutomaticParts {
  /** By their name in small letters; of those that come several times the first. */
  readonly header: (name: string) => string | undefined;
  readonly names: readonly string[];
  readonly from: string;
  readonly ours: string;
}

/** @returns in a few words why it is nobody's, or undefined */
export function automatic({ header, names, from, ours }: AutomaticParts): string | undefined {
  const submitted = header("auto-submitted")?.trim().toLowerCase();
  if (submitted !== undefined && !/^no(?:\s|;|\(|$)/.test(submitted))
    return "it was sent by a program (Auto-Submitted)";
  if (/^\s*(?:bulk|list|junk|auto_reply)\s*$/i.test(header("precedence") ?? ""))
    return "it is bulk mail (Precedence)";
  if (names.some((name) => name.startsWith("list-"))) return "it is of a mailing list (List-*)";
  const suppress = header("x-auto-response-suppress");
  if (suppress !== undefined && suppress.trim().toLowerCase() !== "none")
    return "it asks for no automatic answer (X-Auto-Response-Suppress)";
  if (names.some((name) => /^x-auto-?(?:reply|respond)/.test(name))) return "it is an automatic answer";
  if (/^\s*<\s*>\s*$/.test(header("return-path") ?? ""))
    return "it takes no answers (its return path is empty)";
  if (/^\s*multipart\/report\b/i.test(header("content-type") ?? ""))
    return "it is a report about another mail";
  if (from === ours) return "it is from the account itself";
  if (NOBODY.test(from)) return "nobody reads that address";
  return undefined;
}
