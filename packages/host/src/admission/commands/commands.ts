/**
 * Chat commands: what people ask of the host itself. Recognised inside admission, before any model could
 * see them; run after the commit of their row, once, and again only if the host died before it answered.
 *
 * - Those of a chat run one after the other, in the order in which they were accepted.
 * - Whoever may not use one is told who may. A command for another bot is text like any other.
 * - A name that is none of ours goes to the engine if it offers such a command.
 */
import { RejectedError } from "@bellhop/sdk";
import { withSteps } from "../../core/button.ts";
import { parseCommand } from "../../core/command-text.ts";
import type { ChatId, GroupFolder, InboxId } from "../../core/ids.ts";
import type { Verdict } from "../../core/trigger.ts";
import type { Log } from "../../log.ts";
import type { Asked, CommandStore } from "../../store/commands.ts";
import type { Judged } from "../../store/inbox.ts";
import { approve, deny } from "./approve.ts";
import { type AnswerWithSteps, type Command, may, WHO } from "./command.ts";
import { help } from "./help.ts";
import { model } from "./model.ts";
import { fresh } from "./new.ts";
import { mainChat } from "./main-chat.ts";
import { pause, resume } from "./pause.ts";
import type { Powers } from "./powers.ts";
import { queue } from "./queue.ts";
import { retry } from "./retry.ts";
import { senders } from "./senders.ts";
import { status } from "./status.ts";
import { stop } from "./stop.ts";
import { tasks } from "./tasks.ts";
import { usage } from "./usage.ts";
import { why } from "./why.ts";

const COMMANDS: readonly Command[] = [
  help,
  fresh,
  stop,
  status,
  why,
  retry,
  tasks,
  usage,
  approve,
  deny,
  queue,
  model,
  pause,
  resume,
  senders,
  mainChat,
];

/** Whoever gave a command longer ago than that has given up on it. */
const STILL_WANTED_MS = 10 * 60_000;

export interface CommandsParts {
  readonly store: CommandStore;
  readonly powers: Powers;
  /** Whether the engine of this group knows a command of that name. */
  readonly offers: (group: GroupFolder, name: string) => boolean;
  /** Cuts an answer into parts that the chat's channel takes. */
  readonly split: (chat: ChatId, text: string) => readonly string[];
  /** The chat is owed something. */
  readonly deliver: (chat: ChatId) => void;
  readonly log: Log;
}

/** A text that may be a command, and what it stands in. */
export interface MaybeCommand {
  readonly text: string;
  readonly role: Asked["sender"]["role"];
  readonly group: GroupFolder;
  /** The assistant's name in the group. */
  readonly assistant: string;
  readonly direct: boolean;
  readonly mentionsUs: boolean;
  /** What holds if it is text like any other. */
  readonly verdict: Pick<Verdict, "verdict">;
}

type Recognised = Pick<Judged, "verdict" | "reason" | "context" | "command" | "engineCommand">;

export type Commands = ReturnType<typeof createCommands>;

export function createCommands({ store, powers, offers, split, deliver, log }: CommandsParts) {
  /** The newest command of each chat that is being answered. */
  const newest = new Map<ChatId, Promise<void>>();
  const underWay = new Set<Promise<void>>();

  async function answerInTurn(id: InboxId): Promise<void> {
    const asked = await store.find(id);
    const { id: chat } = asked.chat;
    const before = newest.get(chat);
    const mine = (before ? before.then(() => answer(asked)) : answer(asked)).catch((error: unknown) => {
      log.error({ err: error, message: id }, "a command was not answered; the next start does it");
    });
    newest.set(chat, mine);
    await mine;
    if (newest.get(chat) === mine) newest.delete(chat);
  }

  async function answer(asked: Asked): Promise<void> {
    const said = await answerTo(asked);
    const { text, steps } = typeof said === "string" ? { text: said, steps: [] } : said;
    const offered = withSteps(text, steps, powers.now());
    const parts = split(asked.chat.id, offered.text);
    // Where it is cut, the commands stand in its last part.
    await store.answer(asked, parts, parts.length === 1 ? offered.offer : undefined);
    deliver(asked.chat.id);
  }

  async function answerTo(asked: Asked): Promise<string | AnswerWithSteps> {
    const { name = "", argument = "" } = parseCommand(asked.text) ?? {};
    const command = commandNamed(name);
    if (!command) return `There is no command /${name}; /help lists those there are.`;
    const context = { asked, argument, powers, commands: COMMANDS };
    try {
      if (may(command.who, asked.sender.role)) return await command.run(context);
      await command.refused?.(context);
      return `Only ${WHO[command.who]} may use /${name}.`;
    } catch (error) {
      if (error instanceof RejectedError) return error.message;
      log.error({ err: error, command: name }, "a command failed");
      return `/${name} did not work; the log says why.`;
    }
  }

  function run(id: InboxId): void {
    const running = answerInTurn(id)
      .catch((error: unknown) => log.error({ err: error, message: id }, "a command could not be read"))
      .finally(() => underWay.delete(running));
    underWay.add(running);
  }

  return {
    /** Whether the text is a command, and then what is to become of it. */
    recognise(said: MaybeCommand): Recognised | undefined {
      const { role, group, direct, verdict } = said;
      const parsed = parseCommand(said.text);
      if (!parsed || role === "stranger") return undefined;
      const { name, at } = parsed;
      const ours = at !== undefined && (said.mentionsUs || same(at, said.assistant));
      if (at !== undefined && !ours && !direct) return undefined;
      const command = commandNamed(name);
      if (command) return judge(command, role);
      // A name that nobody knows may be meant for another program, unless it is said to us.
      if (!ours && verdict.verdict !== "admitted") return undefined;
      if (offers(group, name))
        return { verdict: "admitted", reason: `the engine has a command /${name}`, engineCommand: true };
      const reason = `there is no command /${name}`;
      return { verdict: "noted", reason, command: { name, startsAfresh: false } };
    },

    /** Answers the command in this row. What goes wrong is told in the chat, or else logged. */
    run,

    /** Runs what a dead host left unanswered. After its turns were taken up again: it may be about one. */
    async recover(): Promise<void> {
      for (const id of await store.unanswered(powers.now() - STILL_WANTED_MS)) run(id);
    },

    /** Resolves when none is under way. */
    async settled(): Promise<void> {
      while (underWay.size > 0) await Promise.all(underWay);
    },
  };
}

function judge({ name, who, startsAfresh = false }: Command, role: Asked["sender"]["role"]): Recognised {
  if (may(who, role))
    return { verdict: "noted", reason: `it is the command /${name}`, command: { name, startsAfresh } };
  const reason = `only ${WHO[who]} may use /${name}`;
  return { verdict: "refused", reason, command: { name, startsAfresh: false } };
}

function commandNamed(name: string): Command | undefined {
  return COMMANDS.find((one) => one.name === name);
}

function same(one: string, other: string): boolean {
  return one.normalize("NFC").toLowerCase() === other.normalize("NFC").toLowerCase();
}
