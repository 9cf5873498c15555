/**
 * Which group a chat belongs to: `PUT /api/v1/chats/{chat}`, and the chats that wait for somebody to
 * say so. Only an admin registers: from then on what is written there reaches an agent.
 */
import { Hono } from "hono";
import type { z } from "zod";
import type { ChatId, GroupFolder } from "../../core/ids.ts";
import { readBody } from "../body.ts";
import { requireScope, type HttpEnv } from "../identity.ts";
import { type BoundChat, ChatBinding, type UnregisteredList } from "../schemas.ts";
import { chatParam } from "./chats.ts";

export interface ChatRegistryDeps {
  readonly registry: {
    /** @throws RejectedError when there is no such group */
    bind(chat: ChatId, group: GroupFolder): Promise<void>;
    /** Chats in which somebody wrote since the start, and which no group has. */
    unregistered(): readonly {
      readonly chat: ChatId;
      readonly title: string | null;
      readonly senderName: string;
      readonly messages: number;
      readonly lastAt: number;
    }[];
  };
}

export function createChatRegistryRoutes({ registry }: ChatRegistryDeps) {
  const app = new Hono<HttpEnv>();

  app.get("/unregistered-chats", requireScope("admin"), (c) => {
    const chats = registry.unregistered().map(({ chat, title, senderName, messages, lastAt }) => ({
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
    await registry.bind(id, group);
    return c.json({ id, group } satisfies z.input<typeof BoundChat>);
  });

  return app;
}
