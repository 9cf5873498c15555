/** From rows of the inbox to the prompt that an engine is given (core/prompt.ts has its form). */
import type { Clock } from "../core/clock.ts";
import type { GroupFolder } from "../core/ids.ts";
import { promptBlocks, type PromptContext, type PromptMessage } from "../core/prompt.ts";
import type { InboxRow } from "../store/inbox.ts";
import type { Claim, Turns } from "../store/turns.ts";
import type { Prompt } from "./engine.ts";
import { createPromptFiles, type PromptMedia } from "./prompt-files.ts";

export interface PromptingParts {
  readonly media: PromptMedia;
  /** Types of files that the group's engine gives to the model itself. */
  readonly takesOf: (group: GroupFolder) => readonly string[];
  readonly turns: Pick<Turns, "quoted">;
  readonly timezoneOf: (group: GroupFolder) => string;
  readonly clock: Clock;
}

/** What this prompt says beside its messages. */
export type Beside = Pick<PromptContext, "steering" | "recap" | "alreadySent" | "alreadyDone">;

export type Prompting = ReturnType<typeof createPrompting>;

export function createPrompting({ turns, timezoneOf, clock, media, takesOf }: PromptingParts) {
  const filesOf = createPromptFiles(media);

  async function toPromptMessage(row: InboxRow, files: readonly string[]): Promise<PromptMessage> {
    const quoted = row.reply_to === null ? undefined : await turns.quoted(row.chat_id, row.reply_to);
    return {
      seq: row.seq,
      sender: { id: row.sender_id, name: row.sender_name, role: row.sender_role },
      at: row.sent_at ?? row.accepted_at,
      text: row.text,
      files,
      ...(quoted ? { replyTo: { seq: quoted.seq, quote: quoted.text } } : {}),
    };
  }

  return {
    /** @throws Error when there is nothing to say */
    async promptOf({ turn, chat }: Claim, rows: readonly InboxRow[], beside: Beside): Promise<Prompt> {
      const [first] = rows;
      if (!first) throw new Error(`turn ${turn} has nothing to answer`);
      // One of the engine's own commands goes alone, as it was written.
      if (first.engine_command === 1) return { id: first.id, blocks: [first.text], command: true };
      const messages: PromptMessage[] = [];
      const files = await filesOf(rows, takesOf(chat.folder));
      for (const row of rows) messages.push(await toPromptMessage(row, files.told(row.id)));
      const texts = promptBlocks(messages, {
        now: clock.now(),
        timezone: timezoneOf(chat.folder),
        chat: chat.id,
        ...(chat.title === null ? {} : { chatTitle: chat.title }),
        ...beside,
      });
      return { id: first.id, blocks: files.beside(texts, rows) };
    },
  };
}
