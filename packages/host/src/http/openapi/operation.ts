/** What an operation of the API is said to be, and the parts that several of them share. */
import type { z } from "zod";
import { ChatEvent } from "../../core/events.ts";
import { Problem } from "../problem.ts";

type Access = "none" | "read" | "chat" | "admin" | "control socket";

export interface Operation {
  readonly method: "get" | "post" | "put" | "patch" | "delete";
  readonly path: string;
  readonly summary: string;
  readonly description?: string;
  readonly access: Access;
  readonly parameters?: readonly object[];
  /** JSON of this form, or bytes as they are. */
  readonly body?: z.ZodType | "bytes";
  readonly answers: Readonly<Record<number, Answer>>;
}
export type Answer = { readonly description: string; readonly type?: string; readonly schema?: z.ZodType };

export const text = { type: "string" };
export const eventId = { type: "integer", minimum: 0 };
export const chat = {
  name: "chat",
  in: "path",
  required: true,
  description: "Address of the chat, percent-encoded: `web%3Amain`.",
  schema: text,
};
export const before = {
  name: "before",
  in: "query",
  description: "Only events older than this one.",
  schema: eventId,
};
export const after = {
  name: "after",
  in: "query",
  description: "Only events newer than this one.",
  schema: eventId,
};
export const limit = {
  name: "limit",
  in: "query",
  schema: { type: "integer", minimum: 1, maximum: 500, default: 50 },
};
export const deadLetter = {
  name: "id",
  in: "path",
  required: true,
  description: "Of the list.",
  schema: text,
};
export const task = {
  name: "id",
  in: "path",
  required: true,
  description: "Its id, or a beginning of it that fits only one task.",
  schema: text,
};
export const group = {
  name: "group",
  in: "path",
  required: true,
  description: "Its folder's name.",
  schema: text,
};
export const NO_GROUP: Answer = { description: "There is no such group.", schema: Problem };
export const NO_TASK: Answer = { description: "No such task.", schema: Problem };
export const SEVERAL: Answer = {
  description: "It names several tasks, or cannot be as the task stands.",
  schema: Problem,
};
export const lastEventId = {
  name: "Last-Event-ID",
  in: "header",
  description: "Replays what came after this event; goes before `after`.",
  schema: eventId,
};

export const STREAM = [
  "Server-sent events: `event` is `message`, `turn`, `delta` or `activity`, `data` a ChatEvent as JSON,",
  "`id` is there on durable events (`message`, `turn`) only. Without `Last-Event-ID` or `after` it begins now.",
  "After the replay comes a snapshot of live turns (a `delta` with `reset`). A comment each 15 s keeps it alive.",
].join("\n");
export const stream: Operation["answers"] = {
  200: { description: "The stream.", type: "text/event-stream", schema: ChatEvent },
};
