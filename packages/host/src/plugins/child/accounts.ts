/**
 * The accounts of a channel, on the plugin's side of the line: what the host calls of `Channel`, called.
 *
 * Files go as streams both ways. What a person sent is kept as a number until the host wants it; of the numbers
 * that were given out only the newest are kept, for most files are fetched at once or never.
 */
import {
  type Channel,
  type Inbound,
  type InboundFile,
  type Outbound,
  type OutboundFile,
  RejectedError,
} from "@bellhop/sdk";
import { PassThrough, pipeline } from "node:stream";
import type { Link } from "../link/link.ts";

const MOST_FILES = 2_000;
const METHODS = ["listen", "edit", "typing", "chatInfo", "health", "find"] as const;

export type Accounts = ReturnType<typeof createAccounts>;
type Params = Readonly<Record<string, unknown>>;

export function createAccounts(link: Link, channels: readonly Channel[]) {
  const files = new Map<number, InboundFile>();
  const told = new Map<Channel, string>();
  let nextFile = 1;

  function keep(file: InboundFile): Params {
    const number = nextFile++;
    files.set(number, file);
    for (const oldest of files.keys()) {
      if (files.size <= MOST_FILES) break;
      files.delete(oldest);
    }
    const { name, type, bytes } = file;
    return { name, type, bytes, number };
  }

  /** Tells the host how the account is, if that is news. */
  function tellHealth(channel: Channel): void {
    const health = channel.health?.();
    const text = JSON.stringify(health);
    if (health === undefined || told.get(channel) === text) return;
    told.set(channel, text);
    link.tell("health", { account: channel.account, health });
  }

  async function listen(channel: Channel, { listener, cursor }: Params, signal: AbortSignal): Promise<void> {
    if (!channel.listen) throw new RejectedError(`${channel.name} is not listened to`);
    const from = typeof cursor === "string" ? cursor : undefined;
    async function take(inbound: Inbound, at?: string): Promise<void> {
      const { files: sent, ...message } = inbound;
      await link.call("accept", {
        listener,
        inbound: { ...message, files: sent?.map(keep) },
        cursor: at,
      });
      tellHealth(channel);
    }
    const accept = Object.assign(take, {
      keep: async (at: string) => {
        await link.call("accept", { listener, cursor: at });
        tellHealth(channel);
      },
    });
    tellHealth(channel);
    await channel.listen(from, accept, signal);
  }

  async function send(channel: Channel, { message }: Params, signal: AbortSignal) {
    // As plugins/remote-channel.ts writes it: an `Outbound` whose file is the number of a stream.
    const { file, ...rest } = message as { file?: Omit<OutboundFile, "open"> & { send: number } };
    if (file === undefined) return await channel.send(rest as Outbound, signal);
    const { send: number, ...about } = file;
    const open = () => {
      const bytes = new PassThrough();
      bytes.on("error", () => undefined); // who reads hears of it; nobody has to
      link
        .call("open", { send: number }, signal)
        .then((opened) => pipeline(link.receive(streamOf(opened)), bytes, () => undefined))
        .catch((error: unknown) => bytes.destroy(error instanceof Error ? error : new Error(String(error))));
      return bytes;
    };
    return await channel.send({ ...rest, file: { ...about, open } } as unknown as Outbound, signal);
  }

  async function openFile({ number }: Params, signal: AbortSignal) {
    const file = files.get(Number(number));
    if (!file) throw new RejectedError("it was sent too long ago to be fetched; please send it again");
    // What cannot be had is to be known before the first byte.
    const readable = await file.open(signal);
    return {
      stream: link.offer(
        () => readable,
        () => readable.destroy(),
      ),
    };
  }

  const calls: Readonly<
    Record<string, (channel: Channel, params: Params, signal: AbortSignal) => Promise<unknown>>
  > = {
    listen,
    send,
    edit: async (channel, { message }, signal) =>
      await channel.edit?.(message as Parameters<NonNullable<Channel["edit"]>>[0], signal),
    typing: async (channel, { chat }, signal) => await channel.typing?.(String(chat), signal),
    chatInfo: async (channel, { chat }, signal) => await channel.chatInfo?.(String(chat), signal),
    find: async (channel, { message }, signal) =>
      await channel.find?.(message as Parameters<NonNullable<Channel["find"]>>[0], signal),
    health: async (channel) => channel.health?.(),
  };

  return {
    described: channels.map((channel) => ({
      name: channel.name,
      account: channel.account,
      abilities: channel.abilities,
      has: METHODS.filter((method) => typeof channel[method] === "function"),
    })),

    /** Of each account that tells it. */
    health: () =>
      channels.flatMap((channel) => {
        const health = channel.health?.();
        return health === undefined ? [] : { account: channel.account, health };
      }),

    /** Calls named `channel.…` */
    async serve(method: string, params: Params, signal: AbortSignal): Promise<unknown> {
      if (method === "channel.file") return await openFile(params, signal);
      const channel = channels.find(({ account }) => account === params["account"]);
      const call = calls[method.replace(/^channel\./, "")];
      if (!channel || !call) throw new RejectedError(`the plugin does not know ${method}`);
      try {
        return await call(channel, params, signal);
      } finally {
        tellHealth(channel);
      }
    },
  };
}

function streamOf(opened: unknown): number {
  return typeof opened === "object" && opened !== null && "stream" in opened ? Number(opened.stream) : 0;
}
