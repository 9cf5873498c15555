/**
 * What a plugin may read: how the host stands (`status`), what was said lately (`messages`), which chats and
 * groups there are (`chats`). Only of what is in its scope, and free of secrets.
 */
import type { Json } from "@bellhop/sdk";
import { z } from "zod";
import type { DurableEvent } from "../../core/events.ts";
import { ChatId, type GroupFolder } from "../../core/ids.ts";
import { inScope, type PluginStatus } from "../../core/plugin.ts";
import type { Status } from "../../core/status.ts";
import { type ChatFor, power, type Powers } from "./power.ts";

export interface ViewParts {
  readonly status: () => Promise<Status>;
  readonly plugins: () => readonly PluginStatus[];
  readonly channels: () => readonly { readonly name: string; readonly account: string }[];
  readonly chats: () => Promise<
    readonly {
      readonly id: ChatId;
      readonly title: string | null;
      readonly group: GroupFolder;
      readonly channel: string;
      readonly lastAt: number | null;
    }[]
  >;
  readonly groups: () => Promise<readonly GroupFolder[]>;
  readonly chatFor: ChatFor;
  /** The newest of a chat, oldest first. */
  readonly events: (chat: ChatId, limit: number) => Promise<readonly DurableEvent[]>;
  readonly hide: (text: string) => string;
}

const NOTHING = z.union([z.null(), z.strictObject({})]).optional();
const MOST_MESSAGES = 100;
/** Between messages stand the events of their turns, two or three to each. */
const EVENTS_PER_MESSAGE = 4;

export function viewPowers(parts: ViewParts): Powers {
  /** As JSON, without what is undefined and without secrets. */
  const told = (answer: unknown): Json => z.json().parse(JSON.parse(parts.hide(JSON.stringify(answer))));

  return {
    status: power("status", NOTHING, async ({ installed }) => {
      const seen = await parts.status();
      const { version, assistant, startedAt, draining, paused, model, sandbox, tasks, outbox, usage } = seen;
      const mine = new Set(
        (await parts.chats()).flatMap(({ id, group }) => (inScope(installed.scope, group, id) ? id : [])),
      );
      return told({
        version,
        assistant,
        startedAt,
        draining,
        paused: paused !== null,
        model,
        sandbox,
        tasks,
        outbox,
        usage,
        rooms: seen.rooms.length,
        turns: seen.turns.filter(({ chat }) => mine.has(chat)),
        waiting: seen.waiting.filter(({ chat }) => mine.has(chat)),
      });
    }),

    channels: power("status", NOTHING, async () => {
      const { stuck, silent } = await parts.status();
      return told(
        parts.channels().map(({ name, account }) => {
          const full = account === "" ? name : `${name}/${account}`;
          return {
            name,
            account,
            hears: silent.find((one) => one.channel === name && one.account === account)?.why ?? "well",
            sends: stuck.find((one) => one.account === full)?.why ?? "well",
          };
        }),
      );
    }),

    plugins: power("status", NOTHING, async () => told(parts.plugins())),

    messages: power(
      "messages",
      z.strictObject({
        chat: ChatId,
        limit: z.int().min(1).max(MOST_MESSAGES).default(MOST_MESSAGES),
      }),
      async (plugin, { chat, limit }) => {
        await parts.chatFor(plugin, chat);
        const events = await parts.events(chat, limit * EVENTS_PER_MESSAGE);
        const messages = events.flatMap((event) => (event.type === "message" ? [event] : []));
        return told(
          messages.slice(-limit).map(({ message, direction, kind, sender, text, at, replyTo, files }) => ({
            id: message,
            direction,
            kind,
            sender,
            text,
            at,
            replyTo,
            files: files?.map(({ id, name, type, bytes, state }) => ({ id, name, type, bytes, state })),
          })),
        );
      },
    ),

    chats: power("chats", NOTHING, async ({ installed }) => {
      const all = await parts.chats();
      return told(
        all.flatMap(({ id, title, group, channel, lastAt }) =>
          inScope(installed.scope, group, id) ? [{ id, title, group, channel, lastAt }] : [],
        ),
      );
    }),

    groups: power("chats", NOTHING, async ({ installed }) =>
      told((await parts.groups()).filter((group) => inScope(installed.scope, group))),
    ),
  };
}
