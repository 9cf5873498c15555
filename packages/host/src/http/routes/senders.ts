/** Who may speak: strangers who wait, the owner's word on them, and codes that make an owner. */
import { Hono } from "hono";
import type { z } from "zod";
import { readBody } from "../body.ts";
import type { HttpSenders } from "../host.ts";
import { requireScope, type HttpEnv } from "../identity.ts";
import {
  type AllowedSender,
  type DeniedSender,
  type PairingCode,
  type SenderList,
  SenderNamed,
} from "../schemas.ts";

/** Who asks over the API, for the record. */
const BY = "the owner";

export function createSenderRoutes({ senders }: { readonly senders: HttpSenders }) {
  const app = new Hono<HttpEnv>();

  app.get("/senders", requireScope("admin"), async (c) => {
    const { senders: known, waiting } = await senders.list();
    return c.json({ senders: [...known], waiting: [...waiting] } satisfies z.input<typeof SenderList>);
  });

  app.post("/senders/allow", requireScope("admin"), async (c) => {
    const { who } = await readBody(c, SenderNamed);
    const { sender, chats } = await senders.allow(who, BY);
    return c.json({ sender, chats: [...chats] } satisfies z.input<typeof AllowedSender>);
  });

  app.post("/senders/deny", requireScope("admin"), async (c) => {
    const { who } = await readBody(c, SenderNamed);
    return c.json((await senders.deny(who, BY)) satisfies z.input<typeof DeniedSender>);
  });

  app.post("/senders/pair", requireScope("admin"), async (c) => {
    return c.json((await senders.pair(BY)) satisfies z.input<typeof PairingCode>);
  });

  return app;
}
