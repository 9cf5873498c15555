/**
 * What plugins make of a message before anybody reads it: `onInbound`.
 *
 * - Never before the commit: the message is on disk and its platform knows it when the first plugin is
 *   asked (G1). Where no plugin in scope has the hook, a message is taken exactly as if there were no plugins.
 * - Chats side by side, in each one message after the other. A message that a plugin holds keeps back what
 *   comes after it in its chat, until it is released or its time is over. Chat commands wait for nobody.
 * - Nothing polls: a chat is looked at when something came, when a hold is over, and at the start.
 * - Whatever a plugin says, the message stays as tainted as it was.
 */
import { RejectedError } from "@bellhop/sdk";
import type { Clock } from "../core/clock.ts";
import type { EventBus } from "../core/events.ts";
import type { HookCalls } from "../core/hook-calls.ts";
import { type Hooked, InboundSaid, type ReleaseSaid } from "../core/hooked.ts";
import type { ChatId, GroupFolder, InboxId, SessionId } from "../core/ids.ts";
import { createLanes, type Lane } from "../core/lanes.ts";
import type { Log } from "../log.ts";
import type { HookedInbox, HookedMessage } from "../store/hooked-inbox.ts";
import type { InboxRow } from "../store/inbox.ts";
import type { FileRow } from "../store/message-files.ts";

export interface InboundHooksParts {
  readonly store: HookedInbox;
  readonly calls: HookCalls;
  readonly media: {
    settled(messages: readonly InboxId[], ms: number): Promise<void>;
    ofMessages(messages: readonly InboxId[]): Promise<readonly FileRow[]>;
  };
  readonly wake: (session: SessionId, groupId: number, group: GroupFolder) => void;
  readonly taken: (message: { chat: ChatId; message: InboxId; platformId: string }) => void;
  readonly deliver: (chat: ChatId) => void;
  readonly bus: EventBus;
  readonly clock: Clock;
  readonly log: Log;
}

/** Whether plugins are to look at what is being accepted, or it only keeps its place behind what waits. */
export type Wants = "hooks" | "place" | undefined;

/** A file that is not here by then is shown to plugins as one that is missing. */
const FILES_MS = 60_000;

export type InboundHooks = ReturnType<typeof createInboundHooks>;

export function createInboundHooks(parts: InboundHooksParts) {
  const { store, calls, bus, clock, log } = parts;
  /** Chats in which a message waits, or is about to. */
  const waiting = new Set<ChatId>();
  /** Who is asked about a message just now, and whether they have released what they are about to hold. */
  const asking = new Map<InboxId, { readonly plugin: string; released?: ReleaseSaid }>();
  /** What was being released when the database failed: that may be on disk, and nobody was woken. */
  const unsure = new Map<ChatId, InboxId>();
  let closed = false;
  const lanes = createLanes({
    serve,
    failed: (error, chat) =>
      log.error({ err: error, chat }, "plugins could not be asked; it is tried again in a moment"),
    clock,
  });

  function look(chat: ChatId): void {
    if (closed) return;
    waiting.add(chat);
    lanes.wake(chat);
  }

  async function serve(chat: ChatId, lane: Lane): Promise<void> {
    for (;;) {
      lane.looks();
      await makeSure(chat);
      const message = await store.next(chat);
      if (closed) return;
      if (!message) {
        if (!lane.wokenAgain) waiting.delete(chat);
        return;
      }
      const { row, hooked } = message;
      if (row.hooks === "held") {
        const leftMs = (hooked.hold?.until ?? 0) - clock.now();
        if (leftMs > 0) return lane.again(leftMs);
        await store.goOn(row, row.text, noted(hooked, hooked.hold?.by ?? "", "did not release it in time"));
      } else await ask(message).finally(() => asking.delete(row.id));
    }
  }

  async function ask(message: HookedMessage): Promise<void> {
    const { row, group } = message;
    let { hooked } = message;
    let { text } = row;
    // A command of the engine's is given as it is.
    const asked = !hooked.placed && row.engine_command === 0;
    const plugins = asked ? calls.of("onInbound", group, row.chat_id) : [];
    const { after = "" } = hooked;
    const rest = plugins.filter(({ name }) => name > after);
    if (rest.length > 0) await parts.media.settled([row.id], FILES_MS);
    const files = rest.length > 0 ? await parts.media.ofMessages([row.id]) : [];
    for (const plugin of rest) {
      const { name } = plugin;
      asking.set(row.id, { plugin: name });
      const answer = await calls.ask(plugin, "onInbound", eventOf(row, group, text, files), InboundSaid);
      if (closed) return; // asked again after the next start
      if ("failed" in answer) {
        hooked = noted(hooked, name, `was left out: it ${answer.failed}`);
        continue;
      }
      const { said } = answer;
      if (!said) continue;
      ({ hooked, text } = applied({ hooked, text }, name, said));
      if (said.drop) {
        const reason = `plugin ${name}: ${said.drop.reason}`;
        const dropped = await store.drop(row, reason, hooked);
        if (dropped?.notice) parts.deliver(row.chat_id);
        bus.publish({ type: "durable", chat: row.chat_id });
        return;
      }
      if (said.hold) {
        const { reason, forMs } = said.hold;
        const hold = { by: name, until: Math.ceil(clock.now() + forMs), reason };
        await store.hold(row, text, { ...noted(hooked, name, `held it: ${reason}`), hold, after: name });
        const early = asking.get(row.id)?.released;
        asking.delete(row.id);
        if (early) await release(name, row.id, early);
        return;
      }
    }
    unsure.set(row.chat_id, row.id);
    const released = await store.release(message, text, hooked);
    unsure.delete(row.chat_id);
    if (released) goOn(row, group, released.session); // else it was edited or deleted meanwhile: looked at anew
  }

  function goOn(row: InboxRow, group: GroupFolder, session: SessionId | undefined): void {
    if (session !== undefined) {
      parts.wake(session, row.group_id, group);
      parts.taken({ chat: row.chat_id, message: row.id, platformId: row.platform_id });
    }
    bus.publish({ type: "durable", chat: row.chat_id });
  }

  async function makeSure(chat: ChatId): Promise<void> {
    const id = unsure.get(chat);
    const message = id && (await store.find(id));
    unsure.delete(chat);
    if (message?.row.hooks === "done") goOn(message.row, message.group, message.row.session_id ?? undefined);
  }

  /** @throws RejectedError where it holds none under this id */
  async function release(plugin: string, id: InboxId, said: ReleaseSaid): Promise<void> {
    const message = await store.held(id);
    if (!message || message.hooked.hold?.by !== plugin)
      throw new RejectedError(
        `${plugin} holds no message ${id}: it was released before, its time was over, or it was deleted`,
      );
    const { row } = message;
    const { hooked, text } = applied({ hooked: message.hooked, text: row.text }, plugin, said);
    await store.goOn(row, text, noted(hooked, plugin, "released it"));
    look(row.chat_id);
  }

  return {
    /**
     * Of what is being accepted just now. Asked inside the transaction that accepts it; whoever is told
     * something calls `look` after the commit.
     */
    wants(chat: ChatId, group: GroupFolder, isMessage: boolean): Wants {
      const hooks = isMessage && calls.of("onInbound", group, chat).length > 0;
      if (hooks) waiting.add(chat); // what comes in the same commit keeps its place too
      if (hooks) return "hooks";
      return waiting.has(chat) ? "place" : undefined;
    },

    /** Something came in this chat that waits for plugins. */
    look,

    /** At the start, before anything is taken in: what a dead host left waiting. */
    async find(): Promise<void> {
      for (const chat of await store.chats()) waiting.add(chat);
    },

    /** Once plugins are up. */
    begin(): void {
      for (const chat of waiting) look(chat);
    },

    /**
     * The plugin that holds this message, or is about to, lets it go on.
     * @throws RejectedError where it holds none under this id
     */
    async release(plugin: string, id: InboxId, said: ReleaseSaid): Promise<void> {
      const question = asking.get(id);
      if (question?.plugin === plugin) question.released = said;
      else await release(plugin, id, said);
    },

    /** What is being asked is asked again after the next start. */
    async close(): Promise<void> {
      closed = true;
      await lanes.close();
    },
  };
}

function applied(
  { hooked, text }: { readonly hooked: Hooked; readonly text: string },
  plugin: string,
  said: ReleaseSaid,
): { hooked: Hooked; text: string } {
  let now = hooked;
  const read = said.text?.toWellFormed() ?? text;
  if (read !== text) now = noted(now, plugin, "changed what is read of it");
  if (said.note !== undefined) {
    now = noted(now, plugin, "added a note");
    now = { ...now, notes: [...now.notes, { plugin, text: said.note.toWellFormed() }] };
  }
  return { hooked: now, text: read };
}

function noted(hooked: Hooked, plugin: string, what: string): Hooked {
  return { ...hooked, told: [...hooked.told, { plugin, what }] };
}

function eventOf(row: InboxRow, group: GroupFolder, text: string, files: readonly FileRow[]) {
  return {
    id: row.id,
    chat: row.chat_id,
    group,
    sender: { id: row.sender_id, name: row.sender_name, role: row.sender_role },
    text,
    ...(row.non_text === null ? {} : { nonText: row.non_text }),
    ...(row.forwarded === null ? {} : { forwarded: row.forwarded }),
    // What was not taken in has no bytes to be asked for.
    files: files.flatMap(({ id, name, type, bytes, state }) =>
      state === "stored" ? [{ id, name, type, bytes }] : [],
    ),
    ...(row.sent_at === null ? {} : { sentAt: row.sent_at }),
    answered: row.verdict === "admitted",
  };
}
