/** The running host itself: how it is, and ending it. */
import { Hono } from "hono";
import type { z } from "zod";
import type { Status } from "../../core/status.ts";
import { readBody } from "../body.ts";
import type { HttpStopSwitch } from "../host.ts";
import { requireScope, type HttpEnv } from "../identity.ts";
import { NewPause } from "../schemas.ts";
import type { Accepted, Halted, Resumed } from "../schemas.ts";

export interface HostRoutesDeps {
  readonly status: () => Promise<Status>;
  readonly stopSwitch: HttpStopSwitch;
  readonly shutdown: () => void;
}

export function createHostRoutes({ status, stopSwitch, shutdown }: HostRoutesDeps) {
  const app = new Hono<HttpEnv>();

  app.get("/status", requireScope("read"), async (c) => c.json((await status()) satisfies Status));

  app.post("/shutdown", requireScope("admin"), (c) => {
    shutdown();
    return c.json({ accepted: true } satisfies z.input<typeof Accepted>, 202);
  });

  app.post("/host/pause", requireScope("admin"), async (c) => {
    const { reason } = await readBody(c, NewPause);
    return c.json(
      (await stopSwitch.pause(whoAsks(c.get("identity")), reason)) satisfies z.input<typeof Halted>,
    );
  });

  app.post("/host/resume", requireScope("admin"), async (c) => {
    return c.json({ resumed: await stopSwitch.resume() } satisfies z.input<typeof Resumed>);
  });

  return app;
}

function whoAsks(identity: HttpEnv["Variables"]["identity"]): string {
  return identity === undefined || identity.via === "socket"
    ? "the owner, on this machine"
    : `${identity.via} ${JSON.stringify(identity.grant.label)}`;
}
