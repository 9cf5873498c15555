/**
 * The timeline: everything that a watcher of a chat may see, in the order it was committed, under
 * ids that only grow. Rows are written by the transactions that make what they tell true.
 */
import type { Kysely } from "kysely";
import { z } from "zod";
import {
  type DurableEvent,
  EventId,
  type SharedFile,
  type MessageEvent,
  type ShownButtons,
  TurnEvent,
} from "../core/events.ts";
import { type ChatId, InboxId, OutboxId, TurnId } from "../core/ids.ts";
import { buttonsByMessage } from "./buttons.ts";
import { type FileRow, filesOfMessages } from "./message-files.ts";
import type { Database } from "./tables.ts";

/** What a turn's row in the timeline holds beyond its id. */
const TurnData = TurnEvent.pick({ state: true, inputs: true, replies: true, reason: true });
export type TurnData = z.infer<typeof TurnData>;

export type TimelineEntry =
  | { readonly kind: "in" | "out"; readonly ref: InboxId | OutboxId }
  | { readonly kind: "turn"; readonly ref: TurnId; readonly data: TurnData };

/** Appends. Only inside the transaction that makes it true. */
export async function appendEvent(
  trx: Kysely<Database>,
  chat: ChatId,
  at: number,
  entry: TimelineEntry,
): Promise<EventId> {
  const { id } = await trx
    .insertInto("events")
    .values({
      chat_id: chat,
      kind: entry.kind,
      ref: entry.ref,
      data: entry.kind === "turn" ? JSON.stringify(entry.data) : null,
      at,
    })
    .returning("id")
    .executeTakeFirstOrThrow();
  return id;
}

export function createTimeline(db: Kysely<Database>) {
  function rows(chat: ChatId | undefined) {
    const all = db
      .selectFrom("events")
      .leftJoin("inbox", (join) => join.onRef("inbox.id", "=", "events.ref").on("events.kind", "=", "in"))
      .leftJoin("outbox", (join) => join.onRef("outbox.id", "=", "events.ref").on("events.kind", "=", "out"))
      .select([
        "events.id",
        "events.chat_id",
        "events.kind",
        "events.ref",
        "events.data",
        "events.at",
        "inbox.sender_name as in_sender",
        "inbox.text as in_text",
        "inbox.written as in_written",
        "inbox.reply_to as in_reply_to",
        "inbox.verdict as in_verdict",
        "inbox.reason as in_reason",
        "inbox.turn_id as in_turn",
        "inbox.command as in_command",
        "inbox.kind as in_kind",
        "outbox.kind as out_kind",
        "outbox.sender_name as out_sender",
        "outbox.text as out_text",
        "outbox.reply_to as out_reply_to",
        "outbox.turn_id as out_turn",
        "outbox.file_id as out_file",
        "outbox.with_buttons as out_with_buttons",
      ]);
    return chat === undefined ? all : all.where("events.chat_id", "=", chat);
  }

  type Row = Awaited<ReturnType<ReturnType<typeof rows>["execute"]>>[number];

  return {
    /** What came after `event`, oldest first; of one chat, or of all. */
    async after(chat: ChatId | undefined, event: EventId, limit: number): Promise<DurableEvent[]> {
      const found = await rows(chat)
        .where("events.id", ">", event)
        .orderBy("events.id")
        .limit(limit)
        .execute();
      return await toEvents(found);
    },

    /** What came before `event`, or the newest; oldest first. */
    async before(
      chat: ChatId | undefined,
      event: EventId | undefined,
      limit: number,
    ): Promise<{ events: DurableEvent[]; more: boolean }> {
      const older = event === undefined ? rows(chat) : rows(chat).where("events.id", "<", event);
      const found = await older
        .orderBy("events.id", "desc")
        .limit(limit + 1)
        .execute();
      return { events: await toEvents(found.slice(0, limit).toReversed()), more: found.length > limit };
    },

    /** The newest id there is; 0 before anything happened. */
    async latest(): Promise<EventId> {
      const row = await db
        .selectFrom("events")
        .select((eb) => eb.fn.max("id").as("id"))
        .executeTakeFirst();
      return EventId.parse(row?.id ?? 0);
    },
  };

  async function toEvents(found: readonly Row[]): Promise<DurableEvent[]> {
    const files = await filesOf(found);
    const buttons = await buttonsOf(found);
    return found.map((row) => toEvent(row, files.get(row.out_file ?? row.ref), buttons.get(row.ref)));
  }

  async function buttonsOf(found: readonly Row[]): Promise<Map<string, ShownButtons>> {
    const instead = new Map(
      found.flatMap(({ ref, out_with_buttons: text }) =>
        text === null ? [] : [[OutboxId.parse(ref), text] as const],
      ),
    );
    return instead.size === 0 ? new Map() : await buttonsByMessage(db, instead);
  }

  /** Those of messages by the message, those that are sent by their own ids. */
  async function filesOf(found: readonly Row[]): Promise<Map<string, SharedFile[]>> {
    const all = new Map<string, SharedFile[]>();
    const messages = found.flatMap(({ kind, ref }) => (kind === "in" ? [InboxId.parse(ref)] : []));
    for (const row of await filesOfMessages(db, messages))
      all.set(row.inbox_id ?? row.id, [...(all.get(row.inbox_id ?? row.id) ?? []), shared(row)]);
    const sent = found.flatMap(({ out_file }) => out_file ?? []);
    if (sent.length === 0) return all;
    const rows = await db.selectFrom("files").selectAll().where("id", "in", sent).execute();
    for (const row of rows) all.set(row.id, [shared(row)]);
    return all;
  }

  function toEvent(
    row: Row,
    files: SharedFile[] | undefined,
    buttons: ShownButtons | undefined,
  ): DurableEvent {
    const base = { id: row.id, chat: row.chat_id, at: row.at };
    switch (row.kind) {
      case "turn":
        return {
          ...base,
          type: "turn",
          turn: TurnId.parse(row.ref),
          ...TurnData.parse(JSON.parse(row.data ?? "{}")),
        };
      case "in":
        return {
          ...base,
          type: "message",
          direction: "in",
          message: InboxId.parse(row.ref),
          kind: kindOf(row),
          sender: row.in_sender ?? "",
          text: row.in_written ?? row.in_text ?? "", // people see what was written
          replyTo: row.in_reply_to ?? undefined,
          turn: row.in_turn ?? undefined,
          // A command has an answer of its own, which says what there is to say.
          reason:
            row.in_verdict === "admitted" || row.in_command !== null || row.in_kind === "reaction"
              ? undefined
              : (row.in_reason ?? undefined),
          files,
        };
      case "out":
        return {
          ...base,
          type: "message",
          direction: "out",
          message: OutboxId.parse(row.ref),
          kind: row.out_kind === "draft" ? "text" : (row.out_kind ?? "text"),
          sender: row.out_sender ?? "",
          text: row.out_text ?? "",
          replyTo: row.out_reply_to ?? undefined,
          turn: row.out_turn ?? undefined,
          files,
          buttons,
        };
      default:
        return row.kind satisfies never;
    }
  }
}

function kindOf(row: {
  in_command: string | null;
  in_kind: string | null;
  in_verdict: string | null;
}): MessageEvent["kind"] {
  if (row.in_command !== null) return "command";
  if (row.in_kind === "reaction") return "reaction";
  return row.in_verdict === "admitted" ? "text" : "note";
}

function shared({ id, name, type, bytes, state, reason }: FileRow): SharedFile {
  return { id, name, type, bytes, state, reason: reason ?? undefined };
}
