/** Chats and their messages: `/api/v1/chats…`. What is posted goes to admission, the one way in. */
import type { Inbound } from "@bellhop/sdk";
import { setImmediate as breath } from "node:timers/promises";
import { chatAddress, type ChatId, chatId, type FileId, MAIN, SenderId } from "../../core/ids.ts";
import type { Clock } from "../../core/clock.ts";
import type { Random } from "../../store/tokens.ts";
import { Hono, type Context } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { HttpAdmission, HttpChats, HttpGroups, HttpStopSwitch, HttpTimeline } from "../host.ts";
import { requireOwner, requireScope, type HttpEnv } from "../identity.ts";
import { readBody } from "../body.ts";
import { parseInput, ProblemError } from "../problem.ts";
import { MAX_TEXT_BYTES } from "../../admission/written.ts";
import { ButtonPath, ChatPath, NewChat, NewMessage, PageQuery } from "../schemas.ts";
import type { AcceptedMessage, ChatList, CreatedChat, EventPage } from "../schemas.ts";
import type { z } from "zod";

export interface ChatRoutesDeps {
  readonly admission: HttpAdmission;
  readonly chats: HttpChats;
  readonly groups: HttpGroups;
  readonly timeline: HttpTimeline;
  readonly stopSwitch: Pick<HttpStopSwitch, "paused">;
  readonly clock: Clock;
  readonly random: Random;
}

/** Channels that are fed here: their chats come into being when somebody writes to them. */
export const OWN_CHANNELS = new Set(["web", "terminal"]);

/** JSON may spend six characters on one (`\u0041`). */
const MAX_BODY_BYTES = 6 * MAX_TEXT_BYTES + 4096;

export function createChatRoutes({
  admission,
  chats,
  groups,
  timeline,
  stopSwitch,
  clock,
  random,
}: ChatRoutesDeps) {
  const uniqueId = () => Buffer.from(random(16)).toString("base64url");
  const app = new Hono<HttpEnv>();

  app.get("/chats", requireScope("read"), async (c) => {
    return c.json({ chats: [...(await chats.list())] } satisfies z.input<typeof ChatList>);
  });

  app.post("/chats", requireScope("chat"), async (c) => {
    const { title, group = MAIN } = await readBody(c, NewChat);
    const id = chatId({ channel: "web", account: "", native: uniqueId() });
    await groups.show(group); // there is one, and it has not been removed
    await chats.ensure(id, group, title);
    return c.json({ id } satisfies z.input<typeof CreatedChat>, 201);
  });

  /** Whoever writes here and whoever presses a button here is the owner. */
  async function take(
    chat: ChatId,
    inbound: Pick<Inbound, "platformId" | "kind" | "text" | "replyTo" | "button">,
    files: readonly FileId[] = [],
  ): Promise<z.input<typeof AcceptedMessage>> {
    const { channel, account, native } = chatAddress(chat);
    if (!OWN_CHANNELS.has(channel) || account !== "") await findChat(chats, chat);
    const sender = { id: "owner", name: "owner" };
    const { message, seq, event, duplicate } = await admission.accept(
      { name: channel, account },
      { ...inbound, version: 0, chat: native, sender, sentAt: clock.now() },
      { sender: SenderId.parse(`${channel}:owner`), name: "owner", role: "owner" },
      files,
    );
    await breath(); // who has to answer goes before who is told that it was taken
    return { message, seq, event, chat, duplicate, paused: stopSwitch.paused !== undefined };
  }

  const limit = bodyLimit({ maxSize: MAX_BODY_BYTES, onError: tooLarge });
  app.post("/chats/:chat/messages", requireScope("chat"), limit, async (c) => {
    const chat = chatParam(c);
    const { text, id, replyTo, files } = await readBody(c, NewMessage);
    if (Buffer.byteLength(text) > MAX_TEXT_BYTES) tooLarge();
    const message = { platformId: id ?? uniqueId(), kind: "message", text, replyTo } as const;
    const body = await take(chat, message, files);
    return c.json(body, body.duplicate ? 200 : 201);
  });

  app.post("/chats/:chat/buttons/:button", requireOwner, async (c) => {
    const { chat, button } = parseInput(ButtonPath, c.req.param());
    await findChat(chats, chat);
    const press = { platformId: `press:${uniqueId()}`, kind: "button", text: "", button } as const;
    return c.json(await take(chat, press), 201);
  });

  app.get("/chats/:chat/messages", requireScope("read"), async (c) => {
    const chat = chatParam(c);
    await findChat(chats, chat);
    const { before, after, limit } = parseInput(PageQuery, c.req.query());
    if (after === undefined) {
      const { events, more } = await timeline.before(chat, before, limit);
      return c.json({ events: [...events], more } satisfies z.input<typeof EventPage>);
    }
    const found = await timeline.after(chat, after, limit + 1);
    const events = found.filter(({ id }) => before === undefined || id < before);
    const page = { events: events.slice(0, limit), more: events.length > limit };
    return c.json(page satisfies z.input<typeof EventPage>);
  });

  return app;
}

/** @throws ProblemError when the address in the path is none */
export function chatParam(c: Context): ChatId {
  return parseInput(ChatPath, { chat: c.req.param("chat") }).chat;
}

/** @throws ProblemError `not_found` */
export async function findChat(chats: HttpChats, id: ChatId) {
  const chat = await chats.find(id);
  if (!chat)
    throw new ProblemError("not_found", `There is no chat "${id}"; GET /api/v1/chats lists those there are.`);
  return chat;
}

function tooLarge(): never {
  throw new ProblemError("too_large", "A message has at most 1 MiB of text: send it in parts.");
}
