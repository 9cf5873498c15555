/** From rows of the inbox to the prompt that an engine is given (core/prompt.ts has its form). */
import type { ChannelAbilities } from "@bellhop/sdk";
import { abilityWords } from "../core/abilities.ts";
import type { Clock } from "../core/clock.ts";
import { withoutAddress } from "../core/command-text.ts";
import { hookedOf } from "../core/hooked.ts";
import { type ChatId, type GroupFolder, InboxId } from "../core/ids.ts";
import {
  promptBlocks,
  type PromptContext,
  type PromptMessage,
  type PromptTask,
  type Recap,
} from "../core/prompt.ts";
import { type Context, NO_CONTEXT } from "../store/context.ts";
import type { InboxRow } from "../store/inbox.ts";
import type { Claim } from "../store/claims.ts";
import type { ClaimedTask } from "../store/occurrences.ts";
import type { Turns } from "../store/turns.ts";
import type { Prompt } from "./engine.ts";
import { createPromptFiles, type PromptFiles, type PromptMedia } from "./prompt-files.ts";

export interface PromptingParts {
  readonly media: PromptMedia;
  /** Types of files that the group's engine gives to the model itself. */
  readonly takesOf: (group: GroupFolder) => readonly string[];
  readonly turns: Pick<Turns, "quoted" | "original" | "recap">;
  /** Names of the group's memory files, for a recap. */
  readonly filesOf: (group: GroupFolder) => Promise<readonly string[]>;
  readonly timezoneOf: (group: GroupFolder) => string;
  /** Of the chat's channel; undefined while that is not there. */
  readonly abilitiesOf: (chat: ChatId) => ChannelAbilities | undefined;
  readonly clock: Clock;
}

/** What this prompt says beside its messages. */
type Beside = Pick<PromptContext, "steering" | "recap" | "cause" | "task" | "alreadySent" | "alreadyDone"> & {
  /** What rides along. */
  readonly context?: Context;
};

const RECAP_TOKENS = 6_000;

export type Prompting = ReturnType<typeof createPrompting>;

/** For one turn: at each attempt, the same is told of a conversation before it that its engine does not know. */
export function createPrompting(parts: PromptingParts) {
  const { turns, timezoneOf, abilitiesOf, clock, takesOf } = parts;
  const filesOf = createPromptFiles(parts.media);
  let recap: Recap | undefined;

  async function toPromptMessage(row: InboxRow, files: readonly string[]): Promise<PromptMessage> {
    const quoted = row.reply_to === null ? undefined : await turns.quoted(row.chat_id, row.reply_to);
    return {
      seq: row.seq,
      sender: { id: row.sender_id, name: row.sender_name, role: row.sender_role, bot: row.sender_bot === 1 },
      at: row.sent_at ?? row.accepted_at,
      text: row.text,
      files,
      notes: hookedOf(row.hooked).notes,
      nonText: row.non_text ?? undefined,
      forwarded: row.forwarded ?? undefined,
      replyTo: quoteOf(row, quoted),
      reaction: row.kind === "reaction" ? row.text : undefined,
      change: await changeOf(row),
    };
  }

  async function changeOf({
    kind,
    chat_id,
    platform_id,
    sender_id,
  }: InboxRow): Promise<PromptMessage["change"]> {
    if (kind !== "edit" && kind !== "delete") return undefined;
    const about = await turns.original(chat_id, platform_id);
    return (
      about && {
        what: kind === "edit" ? "edited" : "deleted",
        seq: about.seq,
        byAuthor: about.sender_id === sender_id,
      }
    );
  }

  async function toPromptMessages(
    rows: readonly InboxRow[],
    files: Pick<PromptFiles, "told">,
  ): Promise<PromptMessage[]> {
    const messages: PromptMessage[] = [];
    for (const row of rows) messages.push(await toPromptMessage(row, files.told(row.id)));
    return messages;
  }

  async function beginning(claim: Claim, gateSaid: string | undefined): Promise<Beside> {
    const { session, chat, context, cause, alreadySent, alreadyDone, task } = claim;
    if (session.recap === 1 && session.engine_session === null)
      recap ??= { said: await turns.recap(claim, RECAP_TOKENS), files: await parts.filesOf(chat.folder) };
    return { recap, context, cause, task: task && runOf(task, gateSaid), alreadySent, alreadyDone };
  }

  /** @throws Error when there is nothing to say */
  async function promptOf({ turn, chat }: Claim, rows: readonly InboxRow[], beside: Beside): Promise<Prompt> {
    const [first] = rows;
    if (!first && beside.cause === undefined && !beside.task)
      throw new Error(`turn ${turn} has nothing to answer`);
    // One of the engine's own commands goes alone, as it was written.
    if (first?.engine_command === 1)
      return { id: first.id, blocks: [withoutAddress(first.text)], command: true };
    const { context = NO_CONTEXT, ...more } = beside;
    // What joins an answer under way is told nothing new of its place.
    const abilities = more.steering ? undefined : abilitiesOf(chat.id);
    const files = await filesOf(rows, takesOf(chat.folder));
    const texts = promptBlocks(await toPromptMessages(rows, files), {
      now: clock.now(),
      timezone: timezoneOf(chat.folder),
      chat: chat.id,
      ...(chat.title === null ? {} : { chatTitle: chat.title }),
      place: abilities && abilityWords(abilities, chat.thread_of !== null),
      around: {
        // Of what was only said around, the model is told where it lies.
        messages: await toPromptMessages(context.rows, await filesOf(context.rows, [])),
        leftOut: context.leftOut,
      },
      ...more,
    });
    return { id: first?.id ?? InboxId.parse(turn), blocks: files.beside(texts, rows) };
  }

  return {
    promptOf,

    /**
     * The prompt that an attempt begins with: the batch.
     * @param gateSaid of a task: what its gate said
     * @throws Error when there is nothing to say
     */
    batchPrompt: async (claim: Claim, gateSaid: string | undefined): Promise<Prompt> =>
      await promptOf(claim, claim.inputs, await beginning(claim, gateSaid)),
  };
}

function runOf(task: ClaimedTask, gate: string | undefined): PromptTask {
  return {
    id: task.id,
    prompt: task.prompt,
    by: task.createdBy,
    scheduledOn: task.createdAt,
    dueAt: task.scheduledFor,
    manual: task.manual,
    missed: task.missed,
    announce: task.announce,
    gate,
  };
}

/** What it answers: as its sender quoted it, else how it begins. */
function quoteOf(
  { quote }: InboxRow,
  quoted: { readonly seq: number; readonly text: string } | undefined,
): PromptMessage["replyTo"] {
  if (quote !== null) return { seq: quoted?.seq, quote };
  return quoted && { seq: quoted.seq, quote: quoted.text };
}
