/**
 * Which group a chat belongs to: `PUT /api/v1/chats/{chat}`, and the chats that wait for somebody to
 * say so. Only an admin registers: from then on what is written there reaches an agent.
 */
import { Hono } from "hono";
import type { z } from "zod";
import { readBody } from "../body.ts";
import type { HttpGroups } from "../host.ts";
import { requireScope, type HttpEnv } from "../identity.ts";
import { type BoundChat, ChatBinding, type UnboundChat, type UnregisteredList } from "../schemas.ts";
import { chatParam } from "./chats.ts";

export interface ChatRegistryDeps {
  readonly groups: HttpGroups;
}

export function createChatRegistryRoutes({ groups }: ChatRegistryDeps) {
  const app = new Hono<HttpEnv>();

  app.get("/unregistered-chats", requireScope("admin"), (c) => {
    const chats = groups.seen().map(({ chat, title, senderName, messages, lastAt }) => ({
      id: chat,
      title,
      lastSender: senderName,
      messages,
      lastAt,
    }));
    return c.json({ chats } satisfies z.input<typeof UnregisteredList>);
  });

  app.put("/chats/:chat", requireScope("admin"), async (c) => {
    const id = chatParam(c);
    const { group } = await readBody(c, ChatBinding);
    await groups.bind([id], group);
    return c.json({ id, group } satisfies z.input<typeof BoundChat>);
  });

  app.delete("/chats/:chat/group", requireScope("admin"), async (c) => {
    const id = chatParam(c);
    const { group = null } = await groups.unbind(id);
    return c.json({ id, group } satisfies z.input<typeof UnboundChat>);
  });

  return app;
}
