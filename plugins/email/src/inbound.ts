/**
 * From a mail in the mailbox to a message. What is nobody's, or nobody's who is heard, comes to a reason instead.
 */
import type { Inbound, InboundFile } from "@bellhop/sdk";
import type { FetchMessageObject, FetchQueryObject } from "imapflow";
import type { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { correspondentOf } from "./address.ts";
import { provesDomain } from "./auth-results.ts";
import { automatic } from "./automatic.ts";
import { bareSubject, type Head, headOf, idOf, MOST_HEAD_BYTES } from "./head.ts";
import type { Ledger } from "./ledger.ts";
import { isOwnId } from "./message-id.ts";
import { type FilePart, type Part, partsOf } from "./parts.ts";
import { replyText } from "./reply-text.ts";
import type { Account, Rules } from "./settings.ts";

export interface InboundParts {
  readonly account: Pick<Account, "address" | "authservId">;
  readonly rules: Pick<Rules, "trust" | "allow">;
  readonly ledger: Pick<Ledger, "note">;
}

/** What is asked for of each mail, however large it is. */
export const ASKED: FetchQueryObject = {
  uid: true,
  internalDate: true,
  bodyStructure: true,
  bodyParts: [{ key: "HEADER", start: 0, maxLength: MOST_HEAD_BYTES }],
};

/** As they came: the library gives the part that is the head a field of its own. */
export function headBytes({ headers }: FetchMessageObject): Buffer {
  return headers ?? Buffer.alloc(0);
}

/** What is taken of a text; the host says what it does with one that is as long (G5). */
export const MOST_TEXT_BYTES = 1024 * 1024;

export interface Reading {
  /** Its text, with its charset and its encoding undone, and no more of it than is taken. */
  text(part: Part): Promise<Buffer>;
  open(part: FilePart, signal: AbortSignal): Promise<Readable>;
}

export type Read =
  | { readonly inbound: Inbound; readonly unproven?: string | undefined }
  | { readonly passed: string; readonly quietly?: boolean };

export function createInbound({ account, rules, ledger }: InboundParts) {
  const isAllowed = ({ from, domain }: Head) =>
    rules.allow === undefined || rules.allow.includes(from) || rules.allow.includes(domain);

  function isProven(head: Head): boolean {
    if (rules.trust === "anyone") return true;
    const { authservId } = account;
    return (
      authservId !== undefined && provesDomain(head.all("authentication-results"), authservId, head.domain)
    );
  }

  return async function read(mail: FetchMessageObject, reading: Reading): Promise<Read> {
    const bytes = headBytes(mail);
    const head = await headOf(bytes);
    if ("unreadable" in head) return { passed: head.unreadable };
    if (!isAllowed(head)) return { passed: "its sender is not allowed", quietly: true };
    const why = automatic({
      header: (name) => head.all(name)[0],
      names: head.names,
      from: head.from,
      ours: account.address,
    });
    if (why !== undefined) return { passed: why };
    if (isOwnId(head.id, account.address)) return { passed: "it is one that we sent" };
    const proven = isProven(head);
    const { texts, files } = partsOf(mail.bodyStructure);
    const { text, quote, below } = replyText(await bodyOf(texts, reading));
    const id = idOf(head, bytes, text);
    const correspondent = correspondentOf(head.from, proven);
    const subject = bareSubject(head.subject);
    const chat = ledger.note({ correspondent, id, references: head.references, subject });
    const replyTo =
      head.inReplyTo !== undefined && isOwnId(head.inReplyTo, account.address) ? head.inReplyTo : undefined;
    const opening = head.references.length === 0 ? head.subject : "";
    // What it answers of ours is known. What it forwards, or answers of somebody else's, is what it is about.
    const more = replyTo === undefined ? below : "";
    const said = [opening, text, more].filter((one) => one !== "").join("\n\n");
    const empty = said === "" && files.length === 0;
    const inbound: Inbound = {
      platformId: id,
      kind: "message",
      version: 0,
      chat,
      chatTitle: subject === "" ? undefined : subject,
      threadOf: correspondent,
      direct: true,
      // Nobody's word stands behind it: no code in it makes an owner, and nobody is asked about it.
      sender: { id: correspondent, name: head.name, bot: proven ? undefined : true },
      text: said,
      nonText: empty ? "empty mail" : undefined,
      replyTo,
      quote: quote === "" ? undefined : quote,
      sentAt: head.sentAt,
      files: files.map((part) => fileFrom(part, reading)),
    };
    return { inbound, unproven: proven ? undefined : claimedBy(head) };
  };
}

/** The servers that say something about the mail, for whoever looks why nobody proved its sender. */
function claimedBy(head: Head): string {
  const [first] = head.all("authentication-results");
  return first?.split(";")[0]?.trim().slice(0, 200) ?? "nobody";
}

async function bodyOf(texts: readonly Part[], reading: Reading): Promise<string> {
  const read: string[] = [];
  for (const part of texts) {
    const content = (await reading.text(part)).toString("utf8");
    read.push(part.type === "text/html" ? await plainOf(content) : content);
  }
  return read
    .map((one) => one.replaceAll("\r\n", "\n").trimEnd())
    .filter((one) => one !== "")
    .join("\n\n");
}

async function plainOf(html: string): Promise<string> {
  const { simpleParser } = await import("mailparser");
  const mail = await simpleParser(
    Buffer.from(`Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n${html}`),
    { skipTextToHtml: true },
  );
  return mail.text ?? "";
}

function fileFrom(part: FilePart, reading: Reading): InboundFile {
  // What is told of its size is of the base64 around it.
  const bytes = Math.floor((part.bytes * 57) / 78);
  return { name: part.name, type: part.type, bytes, open: (signal) => reading.open(part, signal) };
}

export async function textOf(content: Readable): Promise<Buffer> {
  return await buffer(content);
}
