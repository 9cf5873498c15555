/**
 * Bellhop's chat commands as Discord's slash commands: told to Discord where it does not have them so already, and
 * a sign for whoever used one, or pressed a button, once that is on disk.
 *
 * A sign counts for three seconds. Where writing to the disk took longer, Discord tells the person that it failed,
 * though it did not; whoever then does it again does no harm. A sign before would promise what may not be true.
 */
import type { Logger } from "@bellhop/sdk";
import { z } from "zod";
import type { Api } from "./api.ts";
import type { Interaction } from "./events.ts";
import { isThread } from "./places.ts";

interface Command {
  readonly name: string;
  readonly description: string;
  /** What may follow the name. */
  readonly usage?: string;
}

/** Those that a host answers by itself. */
export const COMMANDS: readonly Command[] = [
  { name: "help", description: "What can be asked of Bellhop itself" },
  { name: "new", description: "Begin a new conversation; the one until now is put away" },
  { name: "stop", description: "End the answer under way" },
  { name: "status", description: "What runs and what waits" },
  { name: "why", description: "What became of a message", usage: "[#NUMBER]" },
  { name: "retry", description: "Try again what I gave up", usage: "[#NUMBER]" },
  { name: "tasks", description: "What is done at set times", usage: "[show … ID]" },
  {
    name: "usage",
    description: "What was used of models, and what may be",
    usage: "[lift BUDGET [DOLLARS]]",
  },
  { name: "approve", description: "Allow what I asked for", usage: "ID … [group]" },
  { name: "deny", description: "Refuse what I asked for", usage: "ID … [never]" },
  { name: "queue", description: "What a message does that comes during an answer", usage: "[HOW]" },
  { name: "model", description: "Which model answers in this group", usage: "[NAME|default]" },
  { name: "pause", description: "Emergency stop: everything ends now", usage: "[REASON]" },
  { name: "resume", description: "The end of /pause" },
  { name: "senders", description: "Strangers who wait to be let in", usage: "[allow|deny WHO]" },
  {
    name: "main",
    description: "Make this chat part of main, the group that administers the others",
    usage: "[yes]",
  },
];

const STRING = 3;
const Registered = z.array(
  z.object({
    name: z.string(),
    description: z.string(),
    options: z
      .array(
        z.object({
          type: z.int(),
          name: z.string(),
          description: z.string(),
          required: z.boolean().default(false),
        }),
      )
      .default([]),
  }),
);

const WANTED: z.infer<typeof Registered> = COMMANDS.map(({ name, description, usage }) => ({
  name,
  description,
  options: usage === undefined ? [] : [{ type: STRING, name: "words", description: usage, required: false }],
}));

/** Callbacks: a press needs none to be seen, a command one that only the person sees. */
const DEFERRED_UPDATE = { type: 6 };
const EPHEMERAL = 1 << 6;
const ANSWER_MS = 5_000;
const COMMAND = 2;
const COMPONENT = 3;

const ADMINISTRATOR = 1n << 3n;
const VIEW = 1n << 10n;
const SEND = 1n << 11n;
const SEND_IN_THREADS = 1n << 38n;

/** Discord offers commands also where the bot is not let in: what is answered there, nobody would see. */
export function isElsewhere({ type, channel, guild_id, app_permissions }: Interaction): boolean {
  if (type !== COMMAND || guild_id === undefined || app_permissions === undefined) return false;
  const may = BigInt(app_permissions);
  const needs = VIEW | (channel && isThread(channel.type) ? SEND_IN_THREADS : SEND);
  return (may & ADMINISTRATOR) === 0n && (may & needs) !== needs;
}

const ELSEWHERE =
  "I may not write here, so I cannot answer. Whoever runs this server can give my role View Channel and Send Messages.";

export function createSlash(api: Pick<Api, "ask" | "call">, log: Pick<Logger, "warn" | "debug">) {
  /** A line that only the person sees. */
  const line = (content: string) => ({ type: 4, data: { content, flags: EPHEMERAL } });

  function answer({ id, token }: Interaction, body: object): void {
    const path = `/interactions/${id}/${token}/callback`;
    api
      .call(
        { method: "POST", path, what: "the sign that it was taken", body },
        AbortSignal.timeout(ANSWER_MS),
      )
      .catch((error: unknown) => {
        const why = error instanceof Error ? error.message : String(error);
        log.debug("somebody was not told that what they did was taken", { why });
      });
  }

  return {
    /** @param application whose commands they are */
    async register(application: string, signal: AbortSignal): Promise<void> {
      const path = `/applications/${application}/commands`;
      const what = "the commands";
      try {
        const there = await api.ask({ method: "GET", path, what }, Registered, signal);
        if (isSame(there, WANTED)) return;
        await api.call({ method: "PUT", path, what, body: WANTED }, signal);
      } catch (error) {
        signal.throwIfAborted();
        log.warn("Discord does not take Bellhop's commands; they can be written all the same", {
          why: String(error),
        });
      }
    },

    /** What somebody did is on disk; the next thing need not wait for this. */
    taken(given: Interaction): void {
      const taken = line(`/${given.data?.name ?? ""}: taken.`);
      answer(given, given.type === COMPONENT ? DEFERRED_UPDATE : taken);
    },

    /** Nothing becomes of it. */
    refused: (given: Interaction): void => answer(given, line(ELSEWHERE)),
  };
}

function isSame(one: typeof WANTED, other: typeof WANTED): boolean {
  const sorted = (all: typeof WANTED) => JSON.stringify(all.toSorted((a, b) => (a.name < b.name ? -1 : 1)));
  return sorted(one) === sorted(other);
}
