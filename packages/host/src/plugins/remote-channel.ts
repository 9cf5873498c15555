/**
 * A channel whose adapter runs in a plugin's process, as the host uses every channel.
 *
 * - It stays known while its process is started again: what is to be sent is tried again then, and listening goes
 *   on as soon as the process is there. Nothing is acknowledged to a platform before it is on disk here.
 * - A process that dies, or does not answer, while something is being sent, may have sent it: `UnknownOutcomeError`
 *   (G14). Before it was asked, `TemporaryError`.
 */
import {
  type Accept,
  type Channel,
  type ChannelHealth,
  type Inbound,
  type InboundFile,
  type Outbound,
  type OutboundFile,
  RejectedError,
  TemporaryError,
  UnknownOutcomeError,
} from "@bellhop/sdk";
import { z } from "zod";
import { GoneError } from "./link/errors.ts";
import type { Params } from "./link/link.ts";
import { LateError, type PluginProcess } from "./process.ts";
import { Accepted, type Described, Found, Info, Opened, SentAs, StreamOf } from "./wire.ts";

/** Of anything that is sent, beside its bytes. */
const SEND_MS = 60_000;
/** A file may take as long as it needs on a slow line: half a megabit a second. */
const SLOWEST_BYTES_PER_MS = 64;
const ASK_MS = 10_000;
/** Of a platform to begin handing out a file. */
const FILE_MS = 60_000;

/** The process of a plugin, now and later. */
export interface Line {
  /** Undefined while it is being started. */
  process(): PluginProcess | undefined;
  /** Resolves with the next one that is up. @throws the signal's reason */
  up(signal: AbortSignal): Promise<PluginProcess>;
  /** Why it is not up. */
  why(): string | undefined;
}

/** What is given to a process by number, for it to ask for: by all accounts of one plugin. */
export interface Handed {
  readonly accepts: Map<number, { readonly accept: Accept; readonly process: PluginProcess }>;
  readonly files: Map<number, { readonly file: OutboundFile; readonly streams: Set<number> }>;
  next: number;
}

export interface RemoteChannel extends Channel {
  /** What it said last of how it is. */
  said: ChannelHealth | undefined;
  readonly described: Described;
  /** Its process is up. */
  readonly isThere: boolean;
}

export const nothingHanded = (): Handed => ({ accepts: new Map(), files: new Map(), next: 1 });

export function createRemoteChannel(described: Described, line: Line, handed: Handed): RemoteChannel {
  const { name, account, abilities } = described;
  const has = (method: Described["has"][number]) => described.has.includes(method);

  function there(): PluginProcess {
    const process = line.process();
    if (process?.link.isOpen) return process;
    throw new TemporaryError(
      `the plugin ${name} is not up just now (${line.why() ?? "it is being started"})`,
    );
  }

  async function ask<T>(
    process: PluginProcess,
    method: string,
    params: Params,
    answer: z.ZodType<T>,
    { withinMs, signal }: { withinMs: number; signal: AbortSignal },
  ): Promise<T> {
    const given = await process.call(`channel.${method}`, {
      params: { account, ...params },
      withinMs,
      signal,
    });
    return answer.parse(given ?? undefined);
  }

  /** Of what changes something on the platform: once it is asked for, an end without an answer is a doubt. */
  async function change<T>(
    method: string,
    params: Params,
    answer: z.ZodType<T>,
    signal: AbortSignal,
    { process = there(), withinMs = SEND_MS }: { process?: PluginProcess; withinMs?: number } = {},
  ): Promise<T> {
    try {
      return await ask(process, method, params, answer, { withinMs, signal });
    } catch (cause) {
      if (cause instanceof GoneError || cause instanceof LateError)
        throw new UnknownOutcomeError(`${cause.message}: nobody knows whether it was sent`, { cause });
      if (cause instanceof z.ZodError)
        throw new UnknownOutcomeError(`the plugin ${name} did not say what became of it`, { cause });
      throw cause;
    }
  }

  async function send(message: Outbound, signal: AbortSignal) {
    const process = there();
    if (message.kind !== "file") return await change("send", { message }, SentAs, signal, { process });
    const { name: fileName, type, bytes } = message.file;
    const number = handed.next++;
    const streams = new Set<number>();
    handed.files.set(number, { file: message.file, streams });
    try {
      const file = { name: fileName, type, bytes, send: number };
      const withinMs = SEND_MS + bytes / SLOWEST_BYTES_PER_MS;
      return await change("send", { message: { ...message, file } }, SentAs, signal, { process, withinMs });
    } finally {
      handed.files.delete(number);
      for (const stream of streams) process.link.withdraw(stream);
    }
  }

  async function listen(cursor: string | undefined, accept: Accept, signal: AbortSignal): Promise<void> {
    const process = await line.up(signal);
    const listener = handed.next++;
    handed.accepts.set(listener, { accept, process });
    try {
      await process.call("channel.listen", { params: { account, listener, cursor }, signal });
    } finally {
      handed.accepts.delete(listener);
    }
  }

  const channel: RemoteChannel = {
    name,
    account,
    abilities,
    described,
    said: undefined,
    get isThere() {
      return line.process()?.link.isOpen === true;
    },
    send,
    ...(has("listen") && { listen }),
    ...(has("edit") && {
      edit: async (message, signal) =>
        await change("edit", { message }, z.unknown().transform(nothing), signal),
    }),
    ...(has("typing") && {
      typing: async (chat, signal) => {
        const within = { withinMs: ASK_MS, signal };
        await ask(there(), "typing", { chat }, z.unknown(), within);
      },
    }),
    ...(has("chatInfo") && {
      chatInfo: async (chat, signal) =>
        await ask(there(), "chatInfo", { chat }, Info, { withinMs: ASK_MS, signal }),
    }),
    ...(has("find") && {
      find: async (message, signal) =>
        await ask(there(), "find", { message }, Found, { withinMs: SEND_MS, signal }),
    }),
    health() {
      if (channel.isThere) return channel.said ?? { state: "up" };
      return { state: "connecting", why: line.why() ?? "its plugin is being started" };
    },
  };
  return channel;
}

const nothing = () => undefined;

/**
 * A process brings a message. Resolves once it is on disk.
 * @throws RejectedError when it is none that can be taken
 */
export async function acceptFrom(process: PluginProcess, handed: Handed, params: unknown): Promise<void> {
  const parsed = Accepted.safeParse(params);
  if (!parsed.success) {
    throw new RejectedError(`this is no message that can be taken: ${z.prettifyError(parsed.error)}`, {
      cause: parsed.error,
    });
  }
  const { listener, cursor, inbound } = parsed.data;
  const to = handed.accepts.get(listener);
  if (to?.process !== process) throw new TemporaryError("nobody listens to this account any more");
  const { files, ...message } = inbound;
  const brought: Inbound = {
    ...message,
    ...(files && {
      files: files.map(({ number, ...about }): InboundFile => ({
        ...about,
        open: (signal) => openInbound(process, number, signal),
      })),
    }),
  };
  await to.accept(brought, cursor);
}

async function openInbound(process: PluginProcess, number: number, signal: AbortSignal) {
  try {
    const answer = await process.call("channel.file", { params: { number }, withinMs: FILE_MS, signal });
    return process.link.receive(StreamOf.parse(answer).stream);
  } catch (cause) {
    // Another process of the plugin does not know it.
    if (cause instanceof GoneError)
      throw new RejectedError("its channel was started again meanwhile; please send it again", { cause });
    throw cause;
  }
}

/** A process wants the bytes of what it is to send: from their beginning, as often as it asks. */
export function openOutbound(process: PluginProcess, handed: Handed, params: unknown): object {
  const found = handed.files.get(Opened.parse(params).send);
  if (!found) throw new RejectedError("there is no such file to be sent any more");
  const stream = process.link.offer(() => found.file.open());
  found.streams.add(stream);
  return { stream };
}
