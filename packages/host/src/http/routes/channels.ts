/** Accounts on platforms: how they do, connecting one step by step, and disconnecting one. All of it is the owner's. */
import { Hono } from "hono";
import type { z } from "zod";
import type { NumberedStep } from "../../core/connect.ts";
import { readBody } from "../body.ts";
import type { HttpChannels } from "../host.ts";
import { requireOwner, type HttpEnv } from "../identity.ts";
import { parseInput } from "../problem.ts";
import {
  type Accepted,
  AttemptPath,
  type BegunAttempt,
  type ChannelList,
  ConnectAnswer,
  ConnectPath,
  type Disconnected,
  DisconnectRequest,
  StepQuery,
} from "../schemas.ts";

/** Shorter than whatever lies between us and whoever waits is patient. */
export const WAIT_MS = 20_000;
/** Who asks over the API, for the record. */
const BY = "the owner";

export function createChannelRoutes({ channels }: { readonly channels: HttpChannels }) {
  const app = new Hono<HttpEnv>();

  app.get("/channels", requireOwner, async (c) =>
    c.json({
      accounts: await channels.accounts(),
      connectable: [...channels.names()],
    } satisfies z.input<typeof ChannelList>),
  );

  app.post("/channels/:name/connect", requireOwner, (c) => {
    const { name } = parseInput(ConnectPath, c.req.param());
    const attempt = channels.begin(name, BY);
    return c.json({ attempt } satisfies z.input<typeof BegunAttempt>, 201);
  });

  app.post("/channels/:name/disconnect", requireOwner, async (c) => {
    const { name } = parseInput(ConnectPath, c.req.param());
    const { account } = await readBody(c, DisconnectRequest);
    const forgot = [...(await channels.disconnect(name, account, BY))];
    return c.json({ forgot } satisfies z.input<typeof Disconnected>);
  });

  app.get("/channels/:name/connect/:attempt", requireOwner, async (c) => {
    const { name, attempt } = parseInput(AttemptPath, c.req.param());
    const { after = -1 } = parseInput(StepQuery, c.req.query());
    const step = await channels.next(name, attempt, after, WAIT_MS);
    return c.json(step satisfies NumberedStep);
  });

  app.post("/channels/:name/connect/:attempt/answer", requireOwner, async (c) => {
    const { name, attempt } = parseInput(AttemptPath, c.req.param());
    const { number, value } = await readBody(c, ConnectAnswer);
    channels.answer(name, attempt, number, value);
    return c.json({ accepted: true } satisfies z.input<typeof Accepted>);
  });

  app.delete("/channels/:name/connect/:attempt", requireOwner, (c) => {
    const { name, attempt } = parseInput(AttemptPath, c.req.param());
    channels.cancel(name, attempt);
    return c.json({ accepted: true } satisfies z.input<typeof Accepted>);
  });

  return app;
}
