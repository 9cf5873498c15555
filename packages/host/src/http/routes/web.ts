/**
 * The web chat: pages rendered here, a stream of events whose messages are HTML already, and the
 * login. Everything a page changes, it changes through the API.
 */
import { Hono, type Context } from "hono";
import { deleteCookie } from "hono/cookie";
import type { ChatEvent, EventBus } from "../../core/events.ts";
import type { ChatId } from "../../core/ids.ts";
import type { Tokens } from "../../store/tokens.ts";
import type { Assets } from "../assets.ts";
import { readBody } from "../body.ts";
import { frame, type EventStreams } from "../event-stream.ts";
import { follow } from "../follow.ts";
import type { HttpChats, HttpLive, HttpStopSwitch, HttpTimeline, HttpTrust } from "../host.ts";
import { cookieName, requireScope, setLogin, vouchedBy, type HttpEnv } from "../identity.ts";
import type { Logins } from "../logins.ts";
import { chatHref, chatTitle, renderChatPage } from "../pages/chat.ts";
import { renderApprovalsPage } from "../pages/approvals.ts";
import { renderLoginPage } from "../pages/login.ts";
import { renderMessage, renderMessages, turnState } from "../pages/message.ts";
import { parseInput } from "../problem.ts";
import { Login, PageQuery } from "../schemas.ts";
import { chatParam, findChat } from "./chats.ts";
import { startOf } from "./events.ts";

export interface WebRoutesDeps {
  readonly assets: Assets;
  readonly assistant: string;
  readonly bus: EventBus;
  readonly chats: HttpChats;
  readonly timeline: HttpTimeline;
  readonly live: HttpLive;
  readonly streams: EventStreams;
  readonly tokens: Tokens;
  readonly logins: Logins;
  readonly stopSwitch: Pick<HttpStopSwitch, "paused">;
  readonly trust: Pick<HttpTrust, "approvals">;
}

/** Events of one stretch of history. */
const STRETCH = 100;
/** A year: an asset's address changes with its contents. */
const FOREVER = "public, max-age=31536000, immutable";

export function createWebRoutes(deps: WebRoutesDeps) {
  const { assets, assistant, chats, timeline, streams, tokens, logins, stopSwitch } = deps;
  const paused = () => stopSwitch.paused !== undefined;
  const app = new Hono<HttpEnv>();

  app.get("/assets/:name", (c) => {
    const asset = assets.get(c.req.param("name"));
    if (!asset) return c.notFound();
    const headers = {
      ETag: asset.etag,
      "Cache-Control": c.req.query("v") === undefined ? "no-cache" : FOREVER,
    };
    if (c.req.header("if-none-match") === asset.etag) return c.body(null, 304, headers);
    return c.body(asset.body, 200, { ...headers, "Content-Type": asset.type });
  });

  app.get("/login", (c) => c.html(renderLoginPage({ assets, assistant })));

  app.get("/login/known", (c) => c.json({ known: c.get("identity") !== undefined }));

  app.post("/login", async (c) => {
    const { code } = await readBody(c, Login);
    const login = await logins.redeem(code, c.env.remote ?? "");
    setLogin(c, login.secret);
    return c.body(null, 204);
  });

  app.post("/logout", requireScope("read"), async (c) => {
    const identity = c.get("identity");
    if (identity?.via === "cookie") {
      await tokens.revoke(identity.grant.hash);
      streams.revoke(identity.grant.hash);
    }
    deleteCookie(c, cookieName(c), { path: "/" });
    return c.body(null, 204);
  });

  app.get("/", async (c) => {
    if (!c.get("identity")) return c.redirect("/login");
    const [newest] = await listed();
    return c.redirect(newest === undefined ? "/chats/new" : chatHref(newest.id));
  });

  app.get("/approvals", async (c) => {
    if (!c.get("identity")) return c.redirect("/login");
    const identity = c.get("identity");
    const own = identity?.via === "cookie" || identity?.scope === "admin";
    const approvals = own ? await deps.trust.approvals(false) : [];
    return c.html(renderApprovalsPage({ assets, assistant, approvals }));
  });

  app.get("/chats/new", async (c) => {
    if (!c.get("identity")) return c.redirect("/login");
    const after = await timeline.latest();
    const history = { events: [], more: false };
    return c.html(
      renderChatPage({
        assets,
        assistant,
        chats: await listed(),
        chat: undefined,
        history,
        paused: paused(),
        after,
      }),
    );
  });

  app.get("/chats/:chat", async (c) => {
    if (!c.get("identity")) return c.redirect("/login");
    // Before the history: what happens in between comes twice, and the page shows it once.
    const after = await timeline.latest();
    const chat = await findChat(chats, chatParam(c));
    const history = await timeline.before(chat.id, undefined, STRETCH);
    return c.html(
      renderChatPage({ assets, assistant, chats: await listed(), chat, history, paused: paused(), after }),
    );
  });

  app.get("/chats/:chat/earlier", requireScope("read"), async (c) => {
    const chat = chatParam(c);
    const { before } = parseInput(PageQuery, c.req.query());
    const { events, more } = await timeline.before(chat, before, STRETCH);
    return c.json({
      html: String(await renderMessages(events, assistant)),
      oldest: events[0]?.id ?? before ?? 0,
      more,
    });
  });

  app.get("/stream", requireScope("read"), (c) => stream(c, undefined));
  app.get("/chats/:chat/stream", requireScope("read"), (c) => stream(c, chatParam(c)));

  /** One stream a page: its own chat in full, and a word when something is said in another. */
  async function stream(c: Context<HttpEnv>, chat: ChatId | undefined) {
    const { bus, live } = deps;
    const after = await startOf(c, timeline);
    const encode = (event: ChatEvent) => (event.chat === chat ? here(event) : elsewhere(event));
    return streams.respond({
      follow: () => follow({ bus, timeline, live, chat: undefined, liveChat: chat, after }),
      encode,
      vouchedBy: vouchedBy(c),
    });
  }

  async function here(event: ChatEvent): Promise<string> {
    switch (event.type) {
      case "message": {
        const { id, message, direction, turn, text } = event;
        const html = String(await renderMessage(event, assistant));
        return frame({ event: "message", id, data: { message, direction, turn, text, html } });
      }
      case "turn":
        return frame({ event: "turn", id: event.id, data: { ...event, told: turnState(event) } });
      case "delta":
      case "activity":
        return frame({ event: event.type, data: event });
      default:
        return event satisfies never;
    }
  }

  async function elsewhere(event: ChatEvent): Promise<string> {
    if (event.type === "delta" || event.type === "activity") return "";
    const spoken = event.type === "message" && event.direction === "out";
    const chat = spoken ? await chats.find(event.chat) : undefined;
    const data = chat ? { chat: chat.id, href: chatHref(chat.id), title: chatTitle(chat) } : {};
    return frame({ event: "elsewhere", id: event.id, data });
  }

  /** Those in which something happened last come first. */
  async function listed() {
    return [...(await chats.list())].sort((a, b) => (b.lastEvent ?? 0) - (a.lastEvent ?? 0));
  }

  return app;
}
