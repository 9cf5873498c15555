/** What sandboxes may reach on the network: `/api/v1/egress/rules`. Only an admin opens a way out. */
import { Hono } from "hono";
import type { z } from "zod";
import type { StoredEgressRule } from "../../store/egress-rules.ts";
import { readBody } from "../body.ts";
import { requireScope, type HttpEnv } from "../identity.ts";
import { parseInput } from "../problem.ts";
import { type EgressRuleList, EgressRulePath, NewEgressRule, type PlacedEgressRule } from "../schemas.ts";

export interface EgressRoutesDeps {
  readonly egress: {
    list(): readonly StoredEgressRule[];
    /** @throws RejectedError when nobody may allow that, or there is no such group */
    add(rule: NewEgressRule): Promise<StoredEgressRule>;
    /** @throws RejectedError when there is none */
    remove(id: number): Promise<StoredEgressRule>;
  };
}

export function createEgressRoutes({ egress }: EgressRoutesDeps) {
  const app = new Hono<HttpEnv>();

  app.get("/egress/rules", requireScope("admin"), (c) =>
    c.json({ rules: egress.list().map(shown) } satisfies z.input<typeof EgressRuleList>),
  );

  app.post("/egress/rules", requireScope("admin"), async (c) => {
    const rule = await readBody(c, NewEgressRule);
    return c.json(shown(await egress.add(rule)), 201);
  });

  app.delete("/egress/rules/:id", requireScope("admin"), async (c) => {
    const { id } = parseInput(EgressRulePath, c.req.param());
    return c.json(shown(await egress.remove(id)));
  });

  return app;
}

const shown = ({ id, group, rule, pin, createdBy, createdAt }: StoredEgressRule) =>
  ({ id, group, rule, pin, createdBy, createdAt }) satisfies z.input<typeof PlacedEgressRule>;
