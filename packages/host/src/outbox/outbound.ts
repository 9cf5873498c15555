/** From a row of the outbox to what its channel is given. */
import { type ChannelAbilities, type Outbound, type OutboundFile, RejectedError } from "@bellhop/sdk";
import { shownWith } from "../core/button.ts";
import { chatAddress, type FileId } from "../core/ids.ts";
import type { KnownSecrets } from "../core/known-secrets.ts";
import type { ClaimedRow } from "../store/outbox.ts";

/** Where the bytes of a file are; undefined when they are gone. */
export type FileOf = (file: FileId) => Promise<OutboundFile | undefined>;

/**
 * Without any secret that is known by now, whoever wrote it: an agent, the host itself, a failing platform.
 * @throws RejectedError when it can never be sent
 */
export async function toOutbound(
  { row, replyTo, offered }: ClaimedRow,
  fileOf: FileOf,
  { hide }: KnownSecrets,
  abilities: ChannelAbilities,
): Promise<Outbound> {
  const { key } = row;
  const shown = shownWith(row.text, offered, abilities);
  const text = hide(shown.text);
  const sender = row.sender_name === null ? undefined : hide(row.sender_name);
  const chat = chatAddress(row.chat_id).native;
  switch (row.kind) {
    case "text":
    case "notice":
    case "draft":
      return { kind: "text", key, chat, text, sender, replyTo, buttons: shown.buttons };
    case "reaction":
      if (replyTo === undefined) throw new RejectedError("the message it reacts to has not arrived");
      return { kind: "reaction", key, chat, to: replyTo, emoji: text };
    case "file": {
      const file = row.file_id === null ? undefined : await fileOf(row.file_id);
      if (!file) throw new RejectedError("the file is gone");
      return { kind: "file", key, chat, file: { ...file, name: hide(file.name) }, text, replyTo };
    }
    default:
      return row.kind satisfies never;
  }
}
