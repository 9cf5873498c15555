/**
 * What became of a message: what admission decided and why, the turn that answered it and what that
 * cost, and where each part of the answer is. What `/why` prints. Nothing here changes anything.
 *
 * It tells of one chat only: of a turn that has also written elsewhere, what it wrote there is left out.
 */
import { type Kysely, type Selectable, sql } from "kysely";
import type { ChatId, TurnId } from "../core/ids.ts";
import { COMMAND_KEY } from "../core/pause.ts";
import type { InboxRow } from "./inbox.ts";
import { type ClaimedTask, taskOfTurn } from "./occurrences.ts";
import type { OutboxRow } from "./outbox.ts";
import type { Database, TurnsTable } from "./tables.ts";

/** Which message: by its number in the chat, by an id (the platform's or ours), or the last one before a number. */
export type Which = { readonly seq: number } | { readonly ref: string } | { readonly before: number };

export interface Why {
  /** What somebody wrote; absent where it is the host's or the agent's own. */
  readonly message?: InboxRow | undefined;
  readonly turn?: Selectable<TurnsTable> | undefined;
  /** Which task the turn ran. */
  readonly task?: ClaimedTask | undefined;
  readonly models: readonly ModelUse[];
  /** What was owed to this chat because of it, in order. */
  readonly parts: readonly OutboxRow[];
}

export interface ModelUse {
  readonly model: string;
  readonly calls: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Millionths of a US dollar. Null where a price was not known, and in rehearsal, which has none. */
  readonly costMicros: number | null;
  readonly rehearsal: boolean;
}

export function createWhy(db: Kysely<Database>) {
  async function messageOf(chat: ChatId, which: Which): Promise<InboxRow | undefined> {
    const rows = db.selectFrom("inbox").selectAll().where("chat_id", "=", chat);
    if ("seq" in which) return await rows.where("seq", "=", which.seq).executeTakeFirst();
    if ("before" in which)
      return await rows
        .where("seq", "<", which.before)
        .where("command", "is", null)
        .orderBy("seq", "desc")
        .limit(1)
        .executeTakeFirst();
    // The message itself, not one of its edits.
    const named = rows.where("platform_id", "=", which.ref).where("kind", "=", "message");
    // One by one: with OR between them SQLite would read the whole chat.
    return (await named.executeTakeFirst()) ?? (await rows.where(ownId, "=", which.ref).executeTakeFirst());
  }

  async function partOf(chat: ChatId, which: Which): Promise<OutboxRow | undefined> {
    const rows = db.selectFrom("outbox").selectAll().where("chat_id", "=", chat);
    if ("seq" in which) return await rows.where("seq", "=", which.seq).executeTakeFirst();
    if ("before" in which)
      return await rows
        .where("seq", "<", which.before)
        .where("kind", "in", ["text", "notice", "file"])
        .where("key", "not like", `${COMMAND_KEY}%`)
        .where((eb) => eb.or([eb("replaces", "is", null), eb("turn_id", "is not", null)])) // no amendment
        .orderBy("seq", "desc")
        .limit(1)
        .executeTakeFirst();
    return (
      (await rows.where("platform_id", "=", which.ref).limit(1).executeTakeFirst()) ??
      (await rows.where(ownId, "=", which.ref).executeTakeFirst())
    );
  }

  async function askedFor(turn: TurnId, chat: ChatId): Promise<InboxRow | undefined> {
    const rows = await db
      .selectFrom("inbox")
      .selectAll()
      .where("turn_id", "=", turn)
      .orderBy("seq", "desc")
      .execute();
    return rows.find(({ chat_id, verdict }) => chat_id === chat && verdict === "admitted");
  }

  async function partsOf(turn: TurnId, chat: ChatId): Promise<OutboxRow[]> {
    const rows = await db
      .selectFrom("outbox")
      .selectAll()
      .where("turn_id", "=", turn)
      .orderBy("seq")
      .execute();
    // The chat is looked at here: asked for both, SQLite would walk through all that the chat ever got.
    return rows.filter(({ chat_id, kind }) => chat_id === chat && kind !== "draft");
  }

  /** What the host itself has said to a command, or to a message that it refused. */
  async function repliesTo({ id }: InboxRow): Promise<OutboxRow[]> {
    return await db
      .selectFrom("outbox")
      .selectAll()
      .where("key", "in", [`${COMMAND_KEY}${id}`, `${id}:refused`])
      .orderBy("seq")
      .execute();
  }

  async function modelsOf(turn: TurnId): Promise<ModelUse[]> {
    const rows = await db
      .selectFrom("usage")
      .select((eb) => [
        "model_served as model",
        eb.fn.countAll<number>().as("calls"),
        sql<number>`sum(input_tokens + cache_read_tokens + cache_write_tokens)`.as("inputTokens"),
        eb.fn.sum<number>("output_tokens").as("outputTokens"),
        eb.fn.sum<number>("cost_micros").as("costMicros"),
        sql<number>`max(cost_micros IS NULL)`.as("unpriced"),
        sql<number>`max(prices = 'rehearsal')`.as("rehearsal"),
      ])
      .where("turn_id", "=", turn)
      .groupBy("model_served")
      .execute();
    return rows.map(({ unpriced, rehearsal, costMicros, ...row }) => ({
      ...row,
      costMicros: unpriced === 1 || rehearsal === 1 ? null : costMicros,
      rehearsal: rehearsal === 1,
    }));
  }

  async function about(chat: ChatId, id: TurnId, message: InboxRow | undefined): Promise<Why> {
    const turn = await db.selectFrom("turns").selectAll().where("id", "=", id).executeTakeFirst();
    return {
      message: message ?? (await askedFor(id, chat)),
      turn,
      task: turn?.kind === "task" ? await taskOfTurn(db, id) : undefined,
      models: await modelsOf(id),
      parts: await partsOf(id, chat),
    };
  }

  return {
    /** Undefined where the chat has no such message. */
    async find(chat: ChatId, which: Which): Promise<Why | undefined> {
      const message = await messageOf(chat, which);
      const part = await partOf(chat, which);
      if (part && (message === undefined || part.seq > message.seq)) {
        if (part.turn_id !== null) return await about(chat, part.turn_id, undefined);
        return { models: [], parts: [part] };
      }
      if (!message) return undefined;
      if (message.turn_id !== null) return await about(chat, message.turn_id, message);
      return { message, models: [], parts: await repliesTo(message) };
    },
  };
}

/** Not `ref`'s type: it may be anything that a platform calls its messages. */
const ownId = sql<string>`id`;
