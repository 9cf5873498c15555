/** What was given up: looking at it, trying it again, dropping it. */
import { Hono } from "hono";
import type { z } from "zod";
import { readBody } from "../body.ts";
import type { HttpDead } from "../host.ts";
import { requireScope, type HttpEnv } from "../identity.ts";
import { parseInput, ProblemError } from "../problem.ts";
import { type Accepted, DeadLetterPath, type DeadLetterPage, DeadQuery, DeadRetry } from "../schemas.ts";

export function createDeadRoutes({ dead }: { readonly dead: HttpDead }) {
  const app = new Hono<HttpEnv>();

  app.get("/dead", requireScope("admin"), async (c) => {
    const query = parseInput(DeadQuery, c.req.query());
    const { letters, more } = await dead.list(query);
    return c.json({ letters: [...letters], more } satisfies z.input<typeof DeadLetterPage>);
  });

  app.get("/dead/:id", requireScope("admin"), async (c) => {
    const { id } = parseInput(DeadLetterPath, c.req.param());
    return c.json(found(id, await dead.show(id)));
  });

  app.post("/dead/:id/retry", requireScope("admin"), async (c) => {
    const { id } = parseInput(DeadLetterPath, c.req.param());
    const { force } = await readBody(c, DeadRetry);
    found(id, (await dead.retry(id, force)) || undefined);
    return c.json({ accepted: true } satisfies z.input<typeof Accepted>);
  });

  app.delete("/dead/:id", requireScope("admin"), async (c) => {
    const { id } = parseInput(DeadLetterPath, c.req.param());
    found(id, (await dead.drop(id)) || undefined);
    return c.json({ accepted: true } satisfies z.input<typeof Accepted>);
  });

  return app;
}

function found<T>(id: string, what: T | undefined): T {
  if (what !== undefined) return what;
  throw new ProblemError(
    "not_found",
    `Nothing that was given up is called ${id}; GET /api/v1/dead lists it.`,
  );
}
