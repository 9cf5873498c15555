/**
 * From what the host owes to one mail. An answer goes into its thread: it answers the mail that it is an answer to, or
 * else the thread's last, under the thread's subject. What is for the address itself begins a thread of its own.
 *
 * Only the one address is written to, whoever else stood in Cc: an agent's answer is for whoever asked.
 */
import { type Outbound, RejectedError, type Sent, TemporaryError } from "@bellhop/sdk";
import type { Readable } from "node:stream";
import { placeOf } from "./address.ts";
import type { Ledger } from "./ledger.ts";
import { ownId } from "./message-id.ts";
import type { Account, Rules } from "./settings.ts";
import type { SmtpAccess } from "./smtp.ts";

export const MOST_TEXT = 100_000;
/** Of a mail beside its file: its head, its texts, the frames of its parts. */
const FRAME_BYTES = 1_000_000;

/** A file in base64 grows by its lines of 76 characters for 57 bytes. */
export function mostFileBytes(limitBytes: number): number {
  return Math.max(0, Math.floor(((limitBytes - FRAME_BYTES) * 57) / 78));
}

export interface SendParts {
  readonly account: Pick<Account, "address">;
  readonly rules: Pick<Rules, "name" | "limitBytes">;
  readonly access: SmtpAccess;
  readonly ledger: Pick<Ledger, "note" | "thread">;
  readonly now: () => number;
}

export function createSend({ account: { address }, rules, access, ledger, now }: SendParts) {
  return async function send(outbound: Outbound, signal: AbortSignal): Promise<Sent> {
    if (outbound.kind === "reaction") throw new RejectedError("A mail takes no reactions");
    const { key, chat, text, replyTo } = outbound;
    const file = outbound.kind === "file" ? outbound.file : undefined;
    if (file && file.bytes > mostFileBytes(rules.limitBytes))
      throw new RejectedError(
        `Mails take files of at most ${Math.floor(mostFileBytes(rules.limitBytes) / 1_000_000)} MB`,
      );
    const { address: to, root } = placeOf(chat);
    const thread = root === undefined ? undefined : ledger.thread(chat);
    const id = ownId(`${address}/${key}`, address);
    const [{ default: MailComposer }, { render, subjectFrom }, { submit }] = await Promise.all([
      import("nodemailer/lib/mail-composer"), // loaded with the first mail: most of the time nobody writes
      import("./render.ts"),
      import("./smtp.ts"),
    ]);
    const begins = subjectFrom(text, file?.name ?? "A message");
    const references = (thread?.references ?? []).filter((one) => one !== id);
    const answers = references.length === 0 ? undefined : (replyTo ?? references.at(-1));
    const content = file?.open();
    const mail = new MailComposer({
      from: {
        name: oneLine((outbound.kind === "text" ? outbound.sender : undefined) ?? rules.name),
        address,
      },
      to: { name: "", address: to },
      subject: oneLine(thread ? `Re: ${thread.subject || begins}` : begins),
      messageId: `<${id}>`,
      date: new Date(now()),
      ...(answers === undefined
        ? {}
        : { inReplyTo: `<${answers}>`, references: references.map((one) => `<${one}>`) }),
      headers: { "Auto-Submitted": thread ? "auto-replied" : "auto-generated" },
      ...(text === "" && file ? { text: "" } : render(text)),
      ...(file && content
        ? {
            attachments: [
              {
                filename: oneLine(file.name),
                contentType: typeOf(file.type),
                content,
                contentTransferEncoding: "base64" as const,
              },
            ],
          }
        : {}),
      disableFileAccess: true,
      disableUrlAccess: true,
    });
    const stream = mail.compile().createReadStream();
    content?.once("error", (cause) => broken(stream, cause));
    try {
      await submit(access, { from: address, to }, stream, signal);
    } finally {
      content?.destroy();
    }
    ledger.note({
      correspondent: to,
      id,
      references,
      subject: thread?.subject ?? begins,
      ...(root === undefined ? {} : { chat }),
    });
    return { platformId: id };
  };
}

/** What cannot be read to its end was not sent to its end either. */
function broken(stream: Readable, cause: unknown): void {
  stream.destroy(new TemporaryError("The file could not be read.", { cause }));
}

/** It stands in a header: no line break of an agent's or a stranger's begins another one. */
function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028\u2029]+/gu, " ").trim();
}

function typeOf(type: string): string {
  return /^[\w.+-]+\/[\w.+-]+$/.test(type) ? type : "application/octet-stream";
}
