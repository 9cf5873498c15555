/**
 * A strict fake of Slack: its Web API and Socket Mode. What Slack refuses is refused here, by its own codes. What
 * goes wrong on the way is the kit's (`openFakeServer`).
 */
import {
  type FakeAnswer,
  type FakeFailure,
  type FakeRequest,
  type FakeServer,
  openFakeServer,
  type PeerCall,
} from "@bellhop/sdk/testing";
import { z } from "zod";
import { answers, isMethod, messageJson, type Method, METHODS } from "./methods.ts";
import { Refusal } from "./refusal.ts";
import { createSocketMode, type SocketMode } from "./socket-mode.ts";
import { type AppName, createWorld, type FakeChannel, type FakeMessage, type World } from "./world.ts";

export interface FakeSlackOptions {
  readonly app: AppName;
  /** Before an event that was not acknowledged comes again. */
  readonly ackMs?: number;
  /** Answers 429 to what comes faster than Slack allows. */
  readonly rates?: boolean;
}

export interface FakeSlack {
  readonly server: FakeServer;
  readonly world: World;
  readonly socketMode: SocketMode;
  /** An address of the Web API. */
  readonly apiRoot: string;
  /** The app is told of an event. */
  tell(event: object): void;
  /** It is told what was said; what names it comes twice. */
  tellSaid(channel: FakeChannel, message: FakeMessage): void;
  close(): Promise<void>;
}

const CALLS: Partial<Record<Method, PeerCall>> = {
  "apps.connections.open": "listen",
  "chat.postMessage": "send",
  "chat.update": "edit",
  "reactions.add": "react",
  "reactions.remove": "react",
  "assistant.threads.setStatus": "typing",
  "files.completeUploadExternal": "file",
};
const KINDS = { channel: "channel", im: "im", mpim: "mpim" } as const;

export async function openFakeSlack({ app, ackMs, rates }: FakeSlackOptions): Promise<FakeSlack> {
  const world = createWorld(app, Date.now);
  const socketMode = createSocketMode({ ackMs, note: () => server.changes.note() });
  /** Bytes that are awaited, by the id of their file. */
  const awaited = new Map<string, number>();

  const methods = answers(
    world,
    {
      address(name, length) {
        const id = world.nextId("F");
        world.files.set(id, { id, name, type: "application/octet-stream", content: new Uint8Array() });
        awaited.set(id, length);
        return { upload_url: `${server.url}/upload/${id}`, file_id: id };
      },
      complete: (id) => world.files.has(id) && !awaited.has(id),
    },
    { onPut: tellSaid, onChange: tellChanged },
  );

  function tell(event: object): void {
    const event_time = Math.floor(Date.now() / 1_000);
    socketMode.tell({
      type: "events_api",
      payload: { type: "event_callback", team_id: "T1", event_id: world.nextId("Ev"), event_time, event },
    });
    server.changes.note();
  }

  function tellSaid(channel: FakeChannel, message: FakeMessage): void {
    const { id, kind } = channel;
    const event = { ...messageJson(world, channel, message), channel: id, event_ts: message.ts };
    if (channel.joined) tell({ ...event, channel_type: KINDS[kind] });
    if (message.user !== app.userId && message.text.includes(`<@${app.userId}>`) && kind !== "im")
      tell({ ...event, type: "app_mention" });
  }

  function tellChanged(channel: FakeChannel, message: FakeMessage, before: string): void {
    const json = messageJson(world, channel, message);
    tell({
      type: "message",
      subtype: "message_changed",
      hidden: true,
      channel: channel.id,
      ts: message.edited,
      event_ts: message.edited,
      message: json,
      previous_message: { ...json, text: before },
    });
  }

  async function handle(request: FakeRequest): Promise<FakeAnswer> {
    const [, place = "", name = ""] = /^\/(api|upload|files)\/([\w.]+)$/.exec(request.path) ?? [];
    if (place === "upload") return uploaded(name, request);
    if (place === "files") return downloaded(name, request);
    try {
      return await called(name, request);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const status = error.code === "ratelimited" ? 429 : 200;
      const headers = "retry-after" in error.more ? { "retry-after": String(error.more["retry-after"]) } : {};
      return { status, headers, body: { ok: false, error: error.code, ...error.more } };
    }
  }

  async function called(method: string, request: FakeRequest): Promise<FakeAnswer> {
    if (!isMethod(method)) throw new Refusal("unknown_method");
    const token = /^Bearer (\S+)$/.exec(request.headers.authorization ?? "")?.[1] ?? "";
    if (token !== app.botToken && token !== app.appToken) throw new Refusal("invalid_auth");
    if (token === app.botToken && world.revoked !== "") throw new Refusal(world.revoked);
    if ((token === app.appToken) !== (method === "apps.connections.open"))
      throw new Refusal("not_allowed_token_type");
    const { form, scope } = METHODS[method];
    const granted = token === app.appToken ? world.appScopes : world.scopes;
    const fields = Object.fromEntries(new URLSearchParams(request.body.toString()));
    const needed = [scope, "username" in fields ? "chat:write.customize" : undefined];
    for (const one of needed)
      if (one !== undefined && !granted.has(one))
        throw new Refusal("missing_scope", { needed: one, provided: [...granted].join(",") });
    const given = form.safeParse(fields);
    if (!given.success) {
      const tooLong = given.error.issues.some(({ message }) => message === "msg_too_long");
      throw new Refusal(tooLong ? "msg_too_long" : "invalid_arguments", {
        detail: z.prettifyError(given.error),
      });
    }
    if (rates === true && method === "chat.postMessage") limit(String(fields["channel"]));
    const headers = { "x-oauth-scopes": [...granted].join(",") };
    const result = resultOf(method, given.data);
    return { headers, body: { ok: true, ...result }, applied: CALLS[method] !== undefined };
  }

  function resultOf(method: Method, given: object): object {
    if (method === "auth.test")
      return { team: "The house", user: app.name, team_id: "T1", user_id: app.userId, bot_id: app.botId };
    if (method === "apps.connections.open")
      return { url: `${server.url.replace("http", "ws")}/link/?ticket=${socketMode.ticket()}` };
    // Its own form has parsed it.
    return (methods[method] as (given: object) => object)(given);
  }

  function limit(channel: string): void {
    const waitMs = server.rates.take({ [channel]: { calls: 3, perMs: 3_000 } });
    if (waitMs !== undefined) throw new Refusal("ratelimited", { "retry-after": Math.ceil(waitMs / 1_000) });
  }

  function uploaded(id: string, { body, headers }: FakeRequest): FakeAnswer {
    const file = world.files.get(id);
    if (!file || awaited.get(id) !== body.length || headers.authorization !== undefined)
      return { status: 400, body: "" };
    awaited.delete(id);
    file.content = body;
    return { body: `OK - ${body.length}` };
  }

  function downloaded(id: string, { headers }: FakeRequest): FakeAnswer {
    const file = world.files.get(id);
    if (headers.authorization !== `Bearer ${app.botToken}` || !world.scopes.has("files:read"))
      return { status: 302, headers: { location: "/login" }, body: "" };
    return file ? { body: file.content } : { status: 404, body: "" };
  }

  const server = await openFakeServer({
    callOf({ path }) {
      const method = path.replace("/api/", "");
      return isMethod(method) ? CALLS[method] : undefined;
    },
    handle,
    failure,
    upgrade: socketMode.upgrade,
  });
  world.root = server.url;

  return {
    server,
    world,
    socketMode,
    apiRoot: `${server.url}/api`,
    tell,
    tellSaid,
    async close() {
      socketMode.close();
      await server.close();
    },
  };
}

function failure(fault: FakeFailure): FakeAnswer {
  switch (fault.how) {
    case "refuse":
      return { body: { ok: false, error: "restricted_action" } };
    case "unauthorised":
      return { body: { ok: false, error: "invalid_auth" } };
    case "slow down":
      return {
        status: 429,
        headers: { "retry-after": String(Math.ceil(fault.retryAfterMs / 1_000)) },
        body: { ok: false, error: "ratelimited" },
      };
    case "server error":
      return fault.status === 500
        ? { status: 500, body: { ok: false, error: "internal_error" } }
        : { status: fault.status, body: "<html><body>Server Error</body></html>" };
    default:
      return fault satisfies never;
  }
}
