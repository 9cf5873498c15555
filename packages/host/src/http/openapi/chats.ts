/** Chats: what is written, files, events; and who may come in. */
import { SharedFile } from "../../core/events.ts";
import { Problem } from "../problem.ts";
import {
  AcceptedMessage,
  CreatedToken,
  EventPage,
  LoginCode,
  NewMessage,
  NewToken,
  Token,
  TokenList,
} from "../schemas.ts";
import {
  text,
  chat,
  before,
  after,
  limit,
  lastEventId,
  STREAM,
  stream,
  type Operation,
} from "./operation.ts";

export const CHATS: readonly Operation[] = [
  {
    method: "post",
    path: "/api/v1/chats/{chat}/messages",
    summary: "Write a message",
    description:
      "Answers once the message is on disk. Chats of `web:` and `terminal:` come into being by writing to them.",
    access: "chat",
    parameters: [chat],
    body: NewMessage,
    answers: {
      201: { description: "Accepted.", schema: AcceptedMessage },
      200: { description: "This `id` had been accepted before.", schema: AcceptedMessage },
      404: { description: "No such chat.", schema: Problem },
      409: { description: "A file is not there, or was attached before.", schema: Problem },
      413: { description: "More than 1 MiB of text.", schema: Problem },
      503: { description: "The host takes nothing just now; see Retry-After.", schema: Problem },
    },
  },
  {
    method: "get",
    path: "/api/v1/chats/{chat}/messages",
    summary: "Read a chat's events",
    description:
      "Without `after`: the newest, or the newest before `before`. With `after`: the oldest after it.",
    access: "read",
    parameters: [chat, before, after, limit],
    answers: {
      200: { description: "Messages and turns.", schema: EventPage },
      404: { description: "No such chat.", schema: Problem },
    },
  },
  {
    method: "post",
    path: "/api/v1/chats/{chat}/buttons/{button}",
    summary: "Press a button",
    description:
      "Gives the chat command that the button stands for, as if it had been written. The chat is told what came of it. A login to the web chat is enough.",
    access: "admin",
    parameters: [
      chat,
      { name: "button", in: "path", required: true, description: "Its id in the event.", schema: text },
    ],
    answers: {
      201: { description: "Accepted.", schema: AcceptedMessage },
      404: { description: "No such chat.", schema: Problem },
      503: { description: "The host takes nothing just now; see Retry-After.", schema: Problem },
    },
  },
  {
    method: "post",
    path: "/api/v1/chats/{chat}/files",
    summary: "Hand over a file",
    description:
      "The body is the file as it is. Its id is for `files` of one message of this chat; without one it is removed after a day.",
    access: "chat",
    parameters: [
      chat,
      { name: "name", in: "query", required: true, description: "What the file is called.", schema: text },
    ],
    body: "bytes",
    answers: {
      201: { description: "It is on disk.", schema: SharedFile },
      404: { description: "No such chat.", schema: Problem },
      413: {
        description: "Larger than `limits.fileMb`, or no room is left in `limits.mediaMb`.",
        schema: Problem,
      },
    },
  },
  {
    method: "get",
    path: "/api/v1/files/{file}",
    summary: "Read a file",
    access: "read",
    parameters: [{ name: "file", in: "path", required: true, description: "Its id.", schema: text }],
    answers: {
      200: { description: "Its content, as what it is by its content.", type: "application/octet-stream" },
      404: { description: "No such file, or its content is not there.", schema: Problem },
    },
  },
  {
    method: "get",
    path: "/api/v1/chats/{chat}/events",
    summary: "Follow a chat",
    description: STREAM,
    access: "read",
    parameters: [chat, after, lastEventId],
    answers: stream,
  },
  {
    method: "get",
    path: "/api/v1/events",
    summary: "Follow all chats",
    description: STREAM,
    access: "read",
    parameters: [after, lastEventId],
    answers: stream,
  },
  {
    method: "post",
    path: "/api/v1/login-codes",
    summary: "A link that logs a browser in, once",
    access: "control socket",
    answers: { 201: { description: "The code and its link.", schema: LoginCode } },
  },
  {
    method: "post",
    path: "/api/v1/tokens",
    summary: "A new token",
    access: "admin",
    body: NewToken,
    answers: { 201: { description: "The token, shown this once.", schema: CreatedToken } },
  },
  {
    method: "get",
    path: "/api/v1/tokens",
    summary: "Tokens and web logins that are valid",
    access: "admin",
    answers: { 200: { description: "Without their secrets.", schema: TokenList } },
  },
  {
    method: "delete",
    path: "/api/v1/tokens/{id}",
    summary: "Revoke a token or a web login",
    access: "admin",
    parameters: [
      {
        name: "id",
        in: "path",
        required: true,
        description: "At least 8 digits of the token's id.",
        schema: text,
      },
    ],
    answers: {
      200: { description: "It is revoked.", schema: Token },
      404: { description: "No such token.", schema: Problem },
      409: { description: "It names no token, or several.", schema: Problem },
    },
  },
];
