/** Trust: taint, what agents asked for, standing grants, and the audit. All of it is the owner's. */
import { Hono, type Context } from "hono";
import type { z } from "zod";
import { type Grant, NewGrant, type TaintReport } from "../../core/trust.ts";
import { readBody } from "../body.ts";
import type { HttpTrust } from "../host.ts";
import { requireOwner, requireScope, type HttpEnv } from "../identity.ts";
import { parseInput } from "../problem.ts";
import {
  type Accepted,
  AnsweredApprovals,
  type ApprovalAnswers,
  ApprovalQuery,
  type ApprovalList,
  AuditAnchor,
  type AuditPage,
  AuditQuery,
  type AuditTail,
  type AuditVerdict,
  ExplainQuery,
  type Explained,
  GrantQuery,
  type GrantList,
  GrantPath,
  GroupPath,
} from "../schemas.ts";

export function createTrustRoutes({ trust }: { readonly trust: HttpTrust }) {
  const app = new Hono<HttpEnv>();

  app.get("/taint/:group", requireScope("admin"), async (c) => {
    const { group } = parseInput(GroupPath, c.req.param());
    return c.json((await trust.taintOf(group)) satisfies TaintReport);
  });

  app.delete("/taint/:group", requireScope("admin"), async (c) => {
    const { group } = parseInput(GroupPath, c.req.param());
    return c.json((await trust.clearTaint(group, ownerOf(c))) satisfies TaintReport);
  });

  app.get("/approvals", requireOwner, async (c) => {
    const { all } = parseInput(ApprovalQuery, c.req.query());
    return c.json({ approvals: [...(await trust.approvals(all))] } satisfies z.input<typeof ApprovalList>);
  });

  app.post("/approvals", requireOwner, async (c) => {
    const { ids, answer } = await readBody(c, AnsweredApprovals);
    const decided = await trust.decide(ids, answer, { who: ownerOf(c), owner: true });
    return c.json({ decided: [...decided] } satisfies z.input<typeof ApprovalAnswers>);
  });

  app.get("/grants", requireScope("admin"), async (c) => {
    const found = await trust.grants(parseInput(GrantQuery, c.req.query()));
    return c.json({ grants: [...found] } satisfies z.input<typeof GrantList>);
  });

  app.post("/grants", requireScope("admin"), async (c) => {
    const wanted = await readBody(c, NewGrant);
    return c.json((await trust.grant(wanted, ownerOf(c))) satisfies Grant, 201);
  });

  app.delete("/grants/:id", requireScope("admin"), async (c) => {
    await trust.revoke(parseInput(GrantPath, c.req.param()).id, ownerOf(c));
    return c.json({ accepted: true } satisfies z.input<typeof Accepted>);
  });

  app.get("/policy/explain", requireScope("admin"), async (c) => {
    const { group, action } = parseInput(ExplainQuery, c.req.query());
    const { why, ...explained } = await trust.explain(group, action);
    return c.json({ ...explained, why: [...why] } satisfies z.input<typeof Explained>);
  });

  app.get("/audit", requireScope("admin"), async (c) => {
    const { after, limit } = parseInput(AuditQuery, c.req.query());
    const rows = await trust.auditPage(after, limit);
    return c.json({ rows: [...rows] } satisfies z.input<typeof AuditPage>);
  });

  app.get("/audit/tail", requireScope("admin"), async (c) => {
    const { limit } = parseInput(AuditQuery, c.req.query());
    const { rows, head } = await trust.auditTail(limit);
    return c.json({ rows: [...rows], head } satisfies z.input<typeof AuditTail>);
  });

  app.get("/audit/verify", requireScope("admin"), async (c) => {
    const { id, hash } = parseInput(AuditAnchor, c.req.query());
    const found = await trust.auditVerify(id === undefined || hash === undefined ? undefined : { id, hash });
    const verdict = found.ok
      ? { ok: true, rows: found.rows, head: found.head ?? null, why: null }
      : { ok: false, rows: found.id - 1, head: null, why: found.why };
    return c.json(verdict satisfies z.input<typeof AuditVerdict>);
  });

  return app;
}

/** For the record: which way the owner came. */
function ownerOf(c: Context<HttpEnv>): string {
  const via = c.get("identity")?.via;
  if (via === "socket") return "the owner, on this machine";
  return via === "cookie" ? "the owner, in the web chat" : "the owner, by a token";
}
