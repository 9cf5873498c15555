/** From a row of the outbox to what its channel is given. */
import { type Outbound, type OutboundFile, RejectedError } from "@bellhop/sdk";
import { chatAddress, type FileId } from "../core/ids.ts";
import type { ClaimedRow } from "../store/outbox.ts";

/** Where the bytes of a file are; undefined when they are gone. */
export type FileOf = (file: FileId) => Promise<OutboundFile | undefined>;

/** @throws RejectedError when it can never be sent */
export async function toOutbound({ row, replyTo }: ClaimedRow, fileOf: FileOf): Promise<Outbound> {
  const { key, text } = row;
  const chat = chatAddress(row.chat_id).native;
  switch (row.kind) {
    case "text":
    case "notice":
    case "draft":
      return { kind: "text", key, chat, text, sender: row.sender_name ?? undefined, replyTo };
    case "reaction":
      if (replyTo === undefined) throw new RejectedError("the message it reacts to has not arrived");
      return { kind: "reaction", key, chat, to: replyTo, emoji: text };
    case "file": {
      const file = row.file_id === null ? undefined : await fileOf(row.file_id);
      if (!file) throw new RejectedError("the file is gone");
      return { kind: "file", key, chat, file, text, replyTo };
    }
    default:
      return row.kind satisfies never;
  }
}
