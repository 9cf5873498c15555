/**
 * Ids. Branded, so that no id passes for another; parsed where they enter.
 */
import { randomUUID } from "node:crypto";
import { z } from "zod";

/**
 * The folder name of a group: also the name of its directory below `groups/` and `sessions/`. `global` would
 * be taken for the shared memory.
 */
export const GroupFolder = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9_-]{0,63}$/,
    "a group's name is up to 64 small letters, digits, dashes and underscores, and begins with a letter or digit",
  )
  .refine((name) => name !== "global", "no group can be called global: that is the memory that all share")
  .brand<"GroupFolder">();
export type GroupFolder = z.infer<typeof GroupFolder>;

/** `main` is the owner's group; it administers the others. */
export const MAIN: GroupFolder = GroupFolder.parse("main");

/**
 * The address of a conversation: `channel/account:native-id`, the account left out where a channel
 * has one. The native id may hold anything printable, colons included.
 */
export const ChatId = z
  .string()
  .max(512)
  .regex(/^[a-z][a-z0-9-]*(\/[^:/\s]+)?:\S(.*\S)?$/, "a chat is channel:id or channel/account:id")
  .brand<"ChatId">();
export type ChatId = z.infer<typeof ChatId>;

export interface ChatAddress {
  readonly channel: string;
  /** `""` where a channel has only one account. */
  readonly account: string;
  readonly native: string;
}

/** @throws z.ZodError when the parts do not make an address */
export function chatId({ channel, account, native }: ChatAddress): ChatId {
  return ChatId.parse(`${channel}${account === "" ? "" : `/${account}`}:${native}`);
}

export function chatAddress(id: ChatId): ChatAddress {
  const colon = id.indexOf(":");
  const [channel = "", account = ""] = id.slice(0, colon).split("/");
  return { channel, account, native: id.slice(colon + 1) };
}

/** Who wrote: `channel:native-user-id`. */
export const SenderId = z
  .string()
  .max(512)
  .regex(/^[a-z][a-z0-9-]*:\S(.*\S)?$/, "a sender is channel:id")
  .brand<"SenderId">();
export type SenderId = z.infer<typeof SenderId>;

/** What a plugin brought in as an event has an id of its own, which begins so; no platform's does. */
export const EVENT_ID = "plugin:";

/** A row of the inbox; also the uuid under which its prompt is given to an engine. */
export const InboxId = z.uuid().brand<"InboxId">();
export type InboxId = z.infer<typeof InboxId>;
export const TurnId = z.uuid().brand<"TurnId">();
export type TurnId = z.infer<typeof TurnId>;
/** Our name of a session; the engine has one of its own. */
export const SessionId = z.uuid().brand<"SessionId">();
export type SessionId = z.infer<typeof SessionId>;
export const OutboxId = z.uuid().brand<"OutboxId">();
export type OutboxId = z.infer<typeof OutboxId>;
/** A file that somebody sent, or that an agent sends. */
export const FileId = z.uuid().brand<"FileId">();
export type FileId = z.infer<typeof FileId>;
/** One life of a sandbox: a new one each time it is started. */
export const SandboxId = z.uuid().brand<"SandboxId">();
export type SandboxId = z.infer<typeof SandboxId>;

/**
 * A fresh id: `newId(TurnId)`. It begins with the time (UUID version 7), so that rows that are written
 * together lie together on the disk, and the newest of a million are read as fast as the newest of ten.
 * Nothing sorts by it, or reads the time out of it.
 */
export function newId<S extends z.ZodType>(schema: S): z.output<S> {
  const now = Date.now().toString(16).padStart(12, "0");
  return schema.parse(`${now.slice(0, 8)}-${now.slice(8)}-7${randomUUID().slice(15)}`);
}
