/**
 * The media store: the bytes of what people sent, and of what agents send.
 *
 * - `media/<group>/` holds what people sent; the sandbox of that group, and no other, sees it read-only
 *   as `/workspace/media`. What agents send lies in `media/.sent/<group>/`, what is on its way in
 *   `media/.incoming/`; no sandbox sees these.
 * - The row comes before the bytes (store/files.ts), so a crash leaves a row that says `coming`, and
 *   `recover` turns it into a stub and removes what there is of its bytes. Nothing lies here unknown.
 * - Every byte passes one cap a file and one a group (G5); what does not fit becomes a stub that says why.
 * - What came with a message is fetched behind it, with patience by the class of the error. A turn
 *   waits for its files by `settled`, and not for ever.
 */
import { type InboundFile, type OutboundFile, RejectedError, TemporaryError } from "@bellhop/sdk";
import { constants, createReadStream } from "node:fs";
import { mkdir, open, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { fullJitter } from "../core/backoff.ts";
import { failpoint } from "../core/failpoint.ts";
import type { Clock } from "../core/clock.ts";
import { pause } from "../core/patience.ts";
import { safeFileName } from "../core/file-name.ts";
import type { ChatId, FileId, InboxId, TurnId } from "../core/ids.ts";
import { sizeInWords } from "../core/size.ts";
import type { Log } from "../log.ts";
import type { Files } from "../store/files.ts";
import type { FileRow } from "../store/message-files.ts";
import { receive } from "./receive.ts";
import { createRoom, tooLarge } from "./room.ts";

export interface MediaParts {
  /** Absolute path of `media/`. */
  readonly root: string;
  readonly files: Files;
  readonly limits: { readonly fileBytes: number; readonly groupBytes: number };
  /** There is something to deliver to this chat. */
  readonly deliver: (chat: ChatId) => void;
  readonly clock: Clock;
  /** From 0 to below 1, for the jitter of backoffs. */
  readonly random: () => number;
  readonly log: Log;
}

/** A file that came with a message that was admitted just now. */
export interface Fetchable {
  readonly id: FileId;
  readonly message: InboxId;
  readonly groupId: number;
  readonly source: InboundFile;
  /** The platform hands out no larger ones. */
  readonly maxBytes?: number | undefined;
}

export interface Receivable {
  readonly groupId: number;
  /** The turn that sends it; without one it is a person's. */
  readonly turn?: TurnId | undefined;
  readonly name: string;
  /** Less than the store's own cap, where a channel takes less. */
  readonly maxBytes?: number | undefined;
}

/** Inside a sandbox. */
const INSIDE = "/workspace/media";
const INCOMING = ".incoming";
const SENT = ".sent";
/** What was handed over and never sent goes after a day. */
const UNATTACHED_MS = 24 * 60 * 60_000;
/** A platform that cannot give a file in so many tries will not. */
const FETCHES = 5;
/** Of one try, however slowly the bytes come. */
const FETCH_MS = 5 * 60_000;
const LOST = "it was not fetched before Bellhop stopped; please send it again";

export function createMedia({ root, files, limits, deliver, clock, random, log }: MediaParts) {
  const room = createRoom({ groupBytes: limits.groupBytes, bytesOf: files.bytesOf });
  const closing = new AbortController();
  /** Under way, by the message that they came with. */
  const fetching = new Map<InboxId, Set<Promise<void>>>();

  /** Bytes into the place that the row names. */
  async function fill(
    row: Pick<FileRow, "id" | "name"> & { readonly groupId: number; readonly path: string },
    source: AsyncIterable<unknown>,
    maxBytes: number,
    signal: AbortSignal,
  ): Promise<FileRow> {
    const share = await room.share(row.groupId, maxBytes);
    const target = join(root, row.path);
    try {
      const received = await receive(source, {
        partial: join(root, INCOMING, row.id),
        target,
        name: row.name,
        take: share.take,
        signal,
      });
      await files.stored(row.id, received);
      failpoint("file.stored");
    } catch (error) {
      share.giveBack();
      await rm(target, { force: true });
      throw error;
    }
    return await known(row.id);
  }

  /** @throws RejectedError when there is no such file */
  async function known(id: FileId): Promise<FileRow> {
    const row = await files.find(id);
    if (!row) throw new RejectedError(`there is no file ${id}`);
    return row;
  }

  async function remove(row: FileRow): Promise<void> {
    if (row.path !== null) await rm(join(root, row.path), { force: true });
    if (row.state === "stored") await room.free(row.group_id, row.bytes);
    await files.drop(row.id);
  }

  async function giveUp(id: FileId, reason: string): Promise<void> {
    const chat = await files.stub(id, reason, (name) => `I could not take the file “${name}”: ${reason}.`);
    if (chat) deliver(chat);
  }

  async function fetchOne({ id, groupId, source, maxBytes = Infinity }: Fetchable): Promise<void> {
    const { bytes = 0 } = source;
    if (bytes > maxBytes) return await giveUp(id, notHandedOut(maxBytes));
    if (bytes > limits.fileBytes) return await giveUp(id, tooLarge(limits.fileBytes));
    const name = safeFileName(source.name);
    const path = `${await files.folderOf(groupId)}/${diskName(id, name)}`;
    await files.place(id, path);
    for (let tries = 1; ; tries += 1) {
      try {
        await fetchOnce({ id, name, groupId, path }, source);
        return;
      } catch (error) {
        if (closing.signal.aborted) return; // the next start says that it was lost
        const waitMs = error instanceof TemporaryError ? error.retryAfterMs : undefined;
        log.warn({ err: error, file: id, tries }, "a file could not be fetched");
        if (error instanceof RejectedError) return await giveUp(id, error.message);
        if (tries === FETCHES) return await giveUp(id, "it could not be fetched; please send it again");
        await pause(clock, waitMs ?? fullJitter(tries, random), closing.signal);
      }
    }
  }

  async function fetchOnce(
    row: { id: FileId; name: string; groupId: number; path: string },
    source: InboundFile,
  ): Promise<void> {
    const late = new AbortController();
    const signal = AbortSignal.any([closing.signal, late.signal]);
    signal.throwIfAborted();
    const cancel = clock.after(FETCH_MS, () => late.abort());
    const stopped = Promise.withResolvers<never>();
    signal.addEventListener("abort", () => stopped.reject(new TemporaryError("it took too long")));
    const opened = source.open(signal);
    try {
      // A platform's library may not listen to its signal; we do not wait for it then.
      const stream = await Promise.race([opened, stopped.promise]);
      signal.addEventListener("abort", () => stream.destroy());
      await fill(row, stream, limits.fileBytes, signal);
    } finally {
      cancel();
      stopped.promise.catch(() => undefined);
      opened.then((stream) => stream.destroy()).catch(() => undefined); // it was told to us above
    }
  }

  async function sweep(): Promise<void> {
    for (const row of await files.unattached(clock.now() - UNATTACHED_MS)) await remove(row);
  }

  return {
    /** At the start: what a dead host was about to take in is none; what nobody wanted goes. */
    async recover(): Promise<void> {
      await rm(join(root, INCOMING), { recursive: true, force: true });
      await mkdir(join(root, INCOMING), { mode: 0o700 });
      for (const row of await files.coming()) {
        if (row.path !== null) await rm(join(root, row.path), { force: true });
        if (row.inbox_id === null) await files.drop(row.id);
        else await giveUp(row.id, LOST);
      }
      for (const row of await files.unowed()) await remove(row);
      await sweep();
    },

    /**
     * Takes a file in, now. Resolves once its bytes are on disk.
     * @throws TooLargeError, NoRoomError, TemporaryError; nothing is left of it then
     */
    async receive({ groupId, turn, name, maxBytes = Infinity }: Receivable, source: AsyncIterable<unknown>) {
      if (turn === undefined) await sweep();
      const safe = safeFileName(name);
      const folder = await files.folderOf(groupId);
      const below = turn === undefined ? folder : `${SENT}/${folder}`;
      const row = await files.add({
        groupId,
        turn,
        name: safe,
        pathOf: (id) => `${below}/${diskName(id, safe)}`,
      });
      try {
        const place = { id: row.id, name: safe, groupId, path: row.path ?? "" };
        return await fill(place, source, Math.min(maxBytes, limits.fileBytes), closing.signal);
      } catch (error) {
        await files.drop(row.id);
        throw error;
      }
    },

    /** Fetches these behind the message that they came with. Never rejects. */
    fetch(wanted: readonly Fetchable[]): void {
      for (const one of wanted) {
        const all = fetching.get(one.message) ?? new Set();
        fetching.set(one.message, all);
        const done = fetchOne(one)
          .catch((error: unknown) => log.error({ err: error, file: one.id }, "a file was not taken in"))
          .finally(() => {
            all.delete(done);
            if (all.size === 0) fetching.delete(one.message);
          });
        all.add(done);
      }
    },

    /** Resolves when the files of these messages are there, or never will be, or after `ms`. */
    async settled(messages: readonly InboxId[], ms: number): Promise<void> {
      const all = messages.flatMap((message) => [...(fetching.get(message) ?? [])]);
      if (all.length === 0) return;
      const late = Promise.withResolvers<void>();
      const cancel = clock.after(ms, late.resolve);
      await Promise.race([Promise.all(all), late.promise]);
      cancel();
    },

    ofMessages: files.ofMessages,

    fileBytes: limits.fileBytes,

    /** Undefined where there is no such file, or its bytes are not here. */
    async content(id: FileId): Promise<{ file: FileRow; open: () => Readable } | undefined> {
      const row = await files.find(id);
      if (!row || row.state !== "stored") return undefined;
      const path = pathOf(row);
      return { file: row, open: () => createReadStream(path) };
    },

    /** All of it, for what is small. @throws RejectedError when its bytes are not here */
    async read(row: FileRow): Promise<Buffer> {
      await using handle = await open(pathOf(row), constants.O_RDONLY | constants.O_NOFOLLOW);
      return await handle.readFile();
    },

    /** As a channel sends it. @throws RejectedError when there is no such file, or its bytes are gone */
    async outbound(id: FileId): Promise<OutboundFile> {
      const row = await known(id);
      const path = pathOf(row);
      const { name, type, bytes } = row;
      return { name, type, bytes, open: () => createReadStream(path) };
    },

    /** Takes back what was received and is not wanted after all. */
    async drop(id: FileId): Promise<void> {
      const row = await files.find(id);
      if (row) await remove(row);
    },

    /** Lets go of what is being fetched; the next start says that it was lost. */
    async close(): Promise<void> {
      closing.abort();
      await Promise.all([...fetching.values()].flatMap((all) => [...all]));
    },
  };

  function pathOf({ path, state, name }: FileRow): string {
    if (path === null || state !== "stored") throw new RejectedError(`the file ${name} is not here`);
    return join(root, path);
  }
}

function notHandedOut(bytes: number): string {
  return `the platform hands out no file of more than ${sizeInWords(bytes)}; send it another way, or in parts`;
}

/** What it is called on the disk: nothing else of the group is. */
function diskName(id: FileId, name: string): string {
  return `${id.replaceAll("-", "").slice(0, 12)}-${name}`;
}

/** What an agent is told of a file. */
export function describeFile({ name, type, bytes, state, path, reason }: FileRow): string {
  const what = `${JSON.stringify(name)} (${type}, ${sizeInWords(bytes)})`;
  if (state === "stored" && path !== null) return `${what} at ${JSON.stringify(insidePath(path))}`;
  return `${JSON.stringify(name)}, which is missing: ${reason ?? "it has not arrived yet"}`;
}

function insidePath(path: string): string {
  return `${INSIDE}/${path.slice(path.lastIndexOf("/") + 1)}`;
}
