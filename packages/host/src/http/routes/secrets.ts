/** Secrets: whether one can be had, and is taken where it is bound to. Nothing here tells a value. */
import { Hono } from "hono";
import type { z } from "zod";
import type { SecretTrial } from "../../core/secret-trial.ts";
import { MAIN } from "../../core/ids.ts";
import { readBody } from "../body.ts";
import type { HttpVault } from "../host.ts";
import { requireScope, type HttpEnv } from "../identity.ts";
import { SecretTest } from "../schemas.ts";

export function createSecretRoutes({ vault }: { readonly vault: HttpVault }) {
  const app = new Hono<HttpEnv>();

  app.post("/secrets/:name/test", requireScope("admin"), async (c) => {
    const { group = MAIN, url } = await readBody(c, SecretTest);
    const trial = await vault.test({ name: c.req.param("name"), group, url });
    return c.json(trial satisfies z.input<typeof SecretTrial>);
  });

  return app;
}
