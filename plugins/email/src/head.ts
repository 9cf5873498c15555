/**
 * The head of a mail, read once: who says to have written it, what it follows, and how it says that it was sent. What
 * is in it was written by others, so a head that names no single sender is passed over with the reason.
 */
import { domainOf, addressFrom } from "./address.ts";
import { idOfContent, idsIn } from "./message-id.ts";

/** More than any head that a person's program writes. */
export const MOST_HEAD_BYTES = 256 * 1024;

export interface Head {
  readonly from: string;
  readonly domain: string;
  readonly name: string;
  readonly id: string;
  readonly inReplyTo: string | undefined;
  /** What it says to follow, the oldest first, with In-Reply-To at its end. */
  readonly references: readonly string[];
  readonly subject: string;
  /** Ms since 1970. */
  readonly sentAt: number | undefined;
  /** All values of a header, the topmost first, unfolded. */
  all(name: string): readonly string[];
  /** Of all headers, in small letters. */
  readonly names: readonly string[];
}

/** @returns why it is nobody's mail, where it is */
export async function headOf(bytes: Buffer): Promise<Head | { readonly unreadable: string }> {
  // Behind the cut another sender could be named.
  if (bytes.length >= MOST_HEAD_BYTES)
    return { unreadable: "its head is longer than any that a person's program writes" };
  const { simpleParser, parseAddressHeader } = await import("mailparser");
  const mail = await simpleParser(bytes, { skipHtmlToText: true, skipTextToHtml: true });
  const all = (name: string) =>
    mail.headerLines
      .filter(({ key }) => key === name)
      .map(({ line }) =>
        line
          .slice(line.indexOf(":") + 1)
          .replaceAll(/\r?\n/g, " ")
          .trim(),
      );
  const froms = parseAddressHeader(all("from"), { flatten: true, decodePunycode: false }).value;
  const [sender] = froms;
  const from = addressFrom(sender?.address ?? "");
  // Whoever proves a sender looks at one; of two headers or two people, another could be shown.
  if (all("from").length !== 1 || froms.length !== 1 || from === undefined)
    return { unreadable: "it does not name one sender" };
  const inReplyTo = idsIn(all("in-reply-to").join(" "))[0];
  const references = idsIn(all("references").join(" "));
  if (inReplyTo !== undefined && !references.includes(inReplyTo)) references.push(inReplyTo);
  const sentAt = mail.date?.getTime();
  return {
    from,
    domain: domainOf(from),
    name: sender?.name.trim() || from,
    id: idsIn(all("message-id").join(" "))[0] ?? "",
    inReplyTo,
    references,
    subject: (mail.subject ?? "").replaceAll(/\s+/g, " ").trim(),
    sentAt: sentAt === undefined || all("date").length === 0 || Number.isNaN(sentAt) ? undefined : sentAt,
    all,
    names: mail.headerLines.map(({ key }) => key),
  };
}

/** The id of a mail: its own, or one of what it is made of. */
export function idOf(head: Head, bytes: Buffer, text: string): string {
  return head.id === "" ? idOfContent(Buffer.concat([bytes, Buffer.from(text)])) : head.id;
}

/** Without `Re:`, `AW:`, `Fwd:` before it. */
export function bareSubject(subject: string): string {
  return subject
    .replace(
      /^(?:\s*(?:re|aw|antw|sv|vs|ref|rif|odp|ynt|fwd?|wg|tr|回复|答复|転送)(?:\[\d+\])?\s*[:：])+/iu,
      "",
    )
    .trim();
}
