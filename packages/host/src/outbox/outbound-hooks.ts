/**
 * What plugins make of what goes out: `onOutbound`.
 *
 * - Once per row, just before it is first handed to its channel and after secrets were taken out. What
 *   comes of it is stored in the row first, so whatever is sent again later is the same.
 * - The new text passes the same filter again. What is too long for its channel is not used, and told.
 * - The host's own words (notices, answers to commands) pass no plugin: no plugin may keep from people what
 *   became of their messages, and none may hold up `/stop`. Reactions have no text.
 * - What a plugin keeps back is settled for good, with its reason, which `/why` tells. At the owner's own
 *   desk a word of the host's stands in its place.
 * - Nobody sees an answer grow where a plugin is to see all of it first.
 */
import type { HookCalls } from "../core/hook-calls.ts";
import { type Hooked, OutboundSaid } from "../core/hooked.ts";
import { chatAddress, type ChatId, type GroupFolder } from "../core/ids.ts";
import type { KnownSecrets } from "../core/known-secrets.ts";
import { COMMAND_KEY } from "../core/pause.ts";
import { type Size, splitText } from "../core/split.ts";
import type { Outbox, OutboxRow } from "../store/outbox.ts";

export interface OutboundHooksParts {
  readonly calls: HookCalls;
  readonly outbox: Pick<Outbox, "unhooked" | "hooked" | "suppress">;
  /** Undefined where no group has the chat. */
  readonly groupOf: (chat: ChatId) => Promise<GroupFolder | undefined>;
  readonly secrets: Pick<KnownSecrets, "hide">;
  /** How long a message of this chat may be. */
  readonly sizeOf: (chat: ChatId) => Size;
}

const NOTHING: Hooked = { notes: [], told: [] };

export type OutboundHooks = ReturnType<typeof createOutboundHooks>;

export function createOutboundHooks({ calls, outbox, groupOf, secrets, sizeOf }: OutboundHooksParts) {
  /** Whether it is still to be sent, in whatever form. */
  async function ask(row: OutboxRow, group: GroupFolder): Promise<boolean> {
    let hooked: Hooked = NOTHING;
    let text = secrets.hide(row.text);
    const note = (plugin: string, what: string) => {
      hooked = { ...hooked, told: [...hooked.told, { plugin, what }] };
    };
    for (const plugin of calls.of("onOutbound", group, row.chat_id)) {
      const { name } = plugin;
      const event = { chat: row.chat_id, group, kind: row.kind, text };
      const answer = await calls.ask(plugin, "onOutbound", event, OutboundSaid);
      if ("failed" in answer) note(name, `was left out: it ${answer.failed}`);
      else if (answer.said && "suppress" in answer.said) {
        const { reason } = answer.said.suppress;
        note(name, `kept it back: ${reason}`);
        const desk = isDesk(row.chat_id);
        const instead = `The plugin ${name} has kept my answer back: ${reason}`;
        await outbox.suppress(row, `plugin ${name}: ${reason}`, hooked, desk ? instead : undefined);
        return desk;
      } else if (answer.said && answer.said.text !== text) {
        const wrong = unfit(row, answer.said.text);
        if (wrong === undefined) {
          note(name, "changed it");
          text = secrets.hide(answer.said.text.toWellFormed());
        } else {
          note(name, `was left out: it ${wrong}`);
          calls.failed(plugin, "onOutbound", wrong);
        }
      }
    }
    await outbox.hooked(row, text, hooked);
    return true;
  }

  function unfit(row: OutboxRow, text: string): string | undefined {
    if (row.kind === "text" && text.trim() === "") return "answered an empty text; `suppress` keeps it back";
    return splitText(secrets.hide(text), sizeOf(row.chat_id)).length > 1
      ? "answered more than one message of this channel holds"
      : undefined;
  }

  return {
    /** Shows the plugins what goes out next in this chat, unless they have seen it. */
    async prepare(chat: ChatId): Promise<void> {
      if (!calls.any("onOutbound")) return;
      const group = await groupOf(chat);
      if (group === undefined || calls.of("onOutbound", group, chat).length === 0) return;
      for (;;) {
        const row = await outbox.unhooked(chat);
        if (!row || !passes(row)) return;
        if (row.kind === "draft") await outbox.suppress(row, "a plugin is to see all of it first", NOTHING);
        else if (await ask(row, group)) return;
      }
    },

    /** Whether answers may be seen while they grow. */
    mayGrow: (group: GroupFolder, chat: ChatId): boolean =>
      !calls.any("onOutbound") || calls.of("onOutbound", group, chat).length === 0,
  };
}

/** The owner's own, where nobody else reads and everything asked has an answer. */
function isDesk(chat: ChatId): boolean {
  const { channel } = chatAddress(chat);
  return channel === "web" || channel === "terminal";
}

function passes({ kind, key }: OutboxRow): boolean {
  if (key.startsWith(COMMAND_KEY)) return false;
  return kind === "text" || kind === "file" || kind === "draft";
}
