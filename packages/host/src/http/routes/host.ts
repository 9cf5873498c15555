/** The running host itself: how it is, and ending it. */
import { Hono } from "hono";
import type { z } from "zod";
import type { Status } from "../../core/status.ts";
import { requireScope, type HttpEnv } from "../identity.ts";
import type { Accepted } from "../schemas.ts";

export interface HostRoutesDeps {
  readonly status: () => Promise<Status>;
  readonly shutdown: () => void;
}

export function createHostRoutes({ status, shutdown }: HostRoutesDeps) {
  const app = new Hono<HttpEnv>();

  app.get("/status", requireScope("read"), async (c) => c.json((await status()) satisfies Status));

  app.post("/shutdown", requireScope("admin"), (c) => {
    shutdown();
    return c.json({ accepted: true } satisfies z.input<typeof Accepted>, 202);
  });

  return app;
}
