/** Tokens of the API, and codes that log a browser in. */
import { Hono } from "hono";
import type { z } from "zod";
import type { Grant, Tokens } from "../../store/tokens.ts";
import { readBody } from "../body.ts";
import type { EventStreams } from "../event-stream.ts";
import { requireScope, requireSocket, type HttpEnv } from "../identity.ts";
import type { Logins } from "../logins.ts";
import { ProblemError } from "../problem.ts";
import { NewToken } from "../schemas.ts";
import type { CreatedToken, LoginCode, Token, TokenList } from "../schemas.ts";

/** Of the hash, in answers: long enough to be unique, short enough to copy by hand. */
const ID_LENGTH = 12;

export interface TokenRoutesDeps {
  readonly tokens: Tokens;
  readonly logins: Logins;
  readonly streams: Pick<EventStreams, "revoke">;
}

export function createTokenRoutes({ tokens, logins, streams }: TokenRoutesDeps) {
  const app = new Hono<HttpEnv>();

  app.post("/login-codes", requireSocket, async (c) => {
    return c.json((await logins.createCode()) satisfies z.input<typeof LoginCode>, 201);
  });

  app.post("/tokens", requireScope("admin"), async (c) => {
    const { label, scope } = await readBody(c, NewToken);
    const issued = await tokens.issue({ kind: "api", label, scope });
    const body: z.input<typeof CreatedToken> = { ...toToken(issued), token: issued.secret };
    return c.json(body, 201);
  });

  app.get("/tokens", requireScope("admin"), async (c) => {
    return c.json({ tokens: (await tokens.list()).map(toToken) } satisfies z.input<typeof TokenList>);
  });

  app.delete("/tokens/:id", requireScope("admin"), async (c) => {
    const id = c.req.param("id");
    const revoked = await tokens.revoke(id);
    if (!revoked)
      throw new ProblemError("not_found", `There is no token "${id}"; GET /api/v1/tokens lists them.`);
    streams.revoke(revoked.hash);
    return c.json(toToken(revoked));
  });

  return app;
}

function toToken({ hash, kind, label, scope, createdAt, expiresAt }: Grant): z.input<typeof Token> {
  return {
    id: hash.slice(0, ID_LENGTH),
    kind: kind === "web" ? "web" : "api",
    label,
    scope,
    createdAt,
    expiresAt: expiresAt ?? null,
  };
}
