/**
 * What a prompt says of the files that came with its messages, and which of them the model is given
 * itself. Every file is told with the place where the agent finds it, or with why it is missing; images
 * and PDFs of a reasonable size are given besides, where the engine takes them. The bounds keep one prompt,
 * and a conversation of some of them, below what the model's API takes in one request (32 MB, in base64).
 */
import type { InboxId } from "../core/ids.ts";
import { describeFile } from "../media/media.ts";
import type { FileRow } from "../store/message-files.ts";
import type { InboxRow } from "../store/inbox.ts";
import type { FileBlock, Prompt } from "./engine.ts";

export interface PromptMedia {
  /** Resolves when the files of these messages are there, or never will be, or after `ms`. */
  settled(messages: readonly InboxId[], ms: number): Promise<void>;
  ofMessages(messages: readonly InboxId[]): Promise<readonly FileRow[]>;
  /** @throws Error when its bytes are not there */
  read(row: FileRow): Promise<Buffer>;
}

export interface PromptFiles {
  /** What the host block says of a message's files. */
  told(message: InboxId): readonly string[];
  /** The blocks of a prompt, each message's files behind it. `texts` is the host block, then the messages. */
  beside(texts: readonly string[], rows: readonly InboxRow[]): Prompt["blocks"];
}

/** A turn waits so long for what came with its messages. */
const WAIT_MS = 30_000;
const MB = 1_000_000;
/** The API takes 5 MB of base64 for an image. */
const MOST_BYTES = { image: 3.75 * MB, other: 10 * MB, prompt: 10 * MB };

export function createPromptFiles(media: PromptMedia) {
  async function given(row: FileRow, takes: readonly string[], left: number): Promise<FileBlock | undefined> {
    const most = row.type.startsWith("image/") ? MOST_BYTES.image : MOST_BYTES.other;
    if (row.state !== "stored" || !takes.includes(row.type) || row.bytes > Math.min(most, left))
      return undefined;
    return { type: row.type, data: await media.read(row) };
  }

  return async (rows: readonly InboxRow[], takes: readonly string[]): Promise<PromptFiles> => {
    if (rows.length === 0) return { told: () => [], beside: (texts) => [...texts] };
    const ids = rows.map(({ id }) => id);
    await media.settled(ids, WAIT_MS);
    const words = new Map<InboxId, string[]>();
    const blocks = new Map<InboxId, FileBlock[]>();
    let left = MOST_BYTES.prompt;
    for (const row of await media.ofMessages(ids)) {
      if (row.inbox_id === null) continue;
      const block = await given(row, takes, left);
      if (block) append(blocks, row.inbox_id, block);
      left -= block?.data.byteLength ?? 0;
      append(words, row.inbox_id, `${describeFile(row)}${block ? ", which stands behind it" : ""}`);
    }
    return {
      told: (message) => words.get(message) ?? [],
      beside: (texts, messages) =>
        // The host block, and whatever else stands before the messages, has no files.
        texts.flatMap((text, index) => {
          const message = messages[index - (texts.length - messages.length)];
          return [text, ...(message ? (blocks.get(message.id) ?? []) : [])];
        }),
    };
  };
}

function append<K, V>(lists: Map<K, V[]>, key: K, value: V): void {
  lists.set(key, [...(lists.get(key) ?? []), value]);
}
