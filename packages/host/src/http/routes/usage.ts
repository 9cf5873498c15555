/** What was used of models, and how the budgets stand; an owner lifts one. */
import { Hono } from "hono";
import type { BudgetState } from "../../core/budget.ts";
import { BudgetLift, UsageQuery, type UsageReport } from "../../core/usage.ts";
import { readBody } from "../body.ts";
import type { HttpBudgets } from "../host.ts";
import { requireScope, type HttpEnv } from "../identity.ts";
import { parseInput } from "../problem.ts";

export function createUsageRoutes({ budgets }: { readonly budgets: HttpBudgets }) {
  const app = new Hono<HttpEnv>();

  app.get("/usage", requireScope("read"), async (c) => {
    const query = parseInput(UsageQuery, c.req.query());
    return c.json((await budgets.report(query)) satisfies UsageReport);
  });

  app.post("/usage/lift", requireScope("admin"), async (c) => {
    const lift = await readBody(c, BudgetLift);
    return c.json((await budgets.lift(lift, "the owner")) satisfies BudgetState);
  });

  return app;
}
