/** The page on which an account is connected. What it shows is made here; what it changes, it changes through the API. */
import { Hono } from "hono";
import type { Assets } from "../assets.ts";
import type { HttpChannels } from "../host.ts";
import { requireOwner, type HttpEnv } from "../identity.ts";
import { renderConnectPage, renderStep } from "../pages/connect.ts";
import { parseInput } from "../problem.ts";
import { AttemptPath, ConnectPath, StepQuery } from "../schemas.ts";
import { WAIT_MS } from "./channels.ts";

export interface ConnectPagesDeps {
  readonly assets: Assets;
  readonly assistant: string;
  readonly channels: HttpChannels;
}

export function createConnectPages({ assets, assistant, channels }: ConnectPagesDeps) {
  const app = new Hono<HttpEnv>();

  app.get("/channels/:name/connect", async (c) => {
    if (!c.get("identity")) return c.redirect("/login");
    const { name } = parseInput(ConnectPath, c.req.param());
    const known = channels.names().includes(name);
    const all = await channels.accounts();
    const accounts = all.flatMap((one) => (known && one.channel === name ? one.account : []));
    return c.html(renderConnectPage({ assets, assistant, name, known, accounts }), known ? 200 : 404);
  });

  app.get("/channels/:name/connect/:attempt/step", requireOwner, async (c) => {
    const { name, attempt } = parseInput(AttemptPath, c.req.param());
    const { after = -1 } = parseInput(StepQuery, c.req.query());
    const { number, shown } = await channels.next(name, attempt, after, WAIT_MS);
    const over = shown.step === "done" || shown.step === "failed";
    return c.json({ number, over, html: String(await renderStep(shown)) });
  });

  return app;
}
