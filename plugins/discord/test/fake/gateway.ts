/**
 * A strict fake of Discord's gateway: who breaks its rules is closed with the code that says so, and every session
 * keeps what happened, to be brought again to whoever takes it up.
 */
import { WebSocket, WebSocketServer } from "ws";
import { type Changes, halfFrame, trickledFrame } from "@bellhop/sdk/testing";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { z } from "zod";
import { ourJson } from "./json.ts";
import { GUILD, type World } from "./world.ts";

export interface GatewayRules {
  /** How often a client has to beat; whoever misses two beats is cut. */
  readonly beatMs: number;
  /** Two sessions that begin within it: the second is refused. */
  readonly identifyEveryMs: number;
  /** Sessions that may begin still. */
  starts: number;
}

interface Event {
  readonly t: string;
  readonly d: object;
}

interface Session {
  readonly id: string;
  readonly intents: number;
  readonly events: { readonly s: number; readonly event: Event }[];
  seq: number;
  /** It can be taken up no more. */
  ended: boolean;
  client: Client | undefined;
}

interface Client {
  readonly web: WebSocket;
  readonly raw: Duplex;
  session: Session | undefined;
  silent: boolean;
  beatAt: number;
}

const FromClient = z.discriminatedUnion("op", [
  z.strictObject({ op: z.literal(1), d: z.int().nullable() }),
  z.strictObject({
    op: z.literal(2),
    d: z.strictObject({
      token: z.string(),
      intents: z.int(),
      properties: z.strictObject({ os: z.string(), browser: z.string(), device: z.string() }),
    }),
  }),
  z.strictObject({
    op: z.literal(6),
    d: z.strictObject({ token: z.string(), session_id: z.string(), seq: z.int() }),
  }),
]);

/** All bits that there are. */
const INTENTS = 0x1_7ff_ffff;
const CONTENT = 1 << 15;
const CONTENT_FLAGS = (1 << 18) | (1 << 19);

/** Of whom only those are told who asked: in servers, and in direct messages. */
const NEEDS: Readonly<Record<string, readonly [number, number]>> = {
  MESSAGE_CREATE: [1 << 9, 1 << 12],
  MESSAGE_UPDATE: [1 << 9, 1 << 12],
  MESSAGE_DELETE: [1 << 9, 1 << 12],
  MESSAGE_DELETE_BULK: [1 << 9, 1 << 12],
  MESSAGE_REACTION_ADD: [1 << 10, 1 << 13],
  MESSAGE_REACTION_REMOVE: [1 << 10, 1 << 13],
  CHANNEL_UPDATE: [1 << 0, 0],
};

export type FakeGateway = ReturnType<typeof createFakeGateway>;

export function createFakeGateway(world: World, rules: GatewayRules, changes: Changes) {
  const sockets = new WebSocketServer({ noServer: true });
  const sessions = new Map<string, Session>();
  const clients = new Set<Client>();
  /** What clients did, in order: `identify`, `resume`. */
  const journal: string[] = [];
  let url = "";
  let identifiedAt = Number.NEGATIVE_INFINITY;
  let onBegin = () => {};
  let beats = 0;
  let lastBeat: number | null = null;
  let doubles = 0;
  let halves = 0;
  let trickles: number[] = [];
  let reorders = 0;
  let held: Event | undefined;
  let refusing: { readonly code: number } | undefined;

  function give({ web, silent }: Client, frame: object): void {
    if (!silent && web.readyState === WebSocket.OPEN) web.send(JSON.stringify(frame));
  }

  function dispatch(session: Session, event: Event, times = 1): void {
    session.seq += 1;
    session.events.push({ s: session.seq, event });
    const { client } = session;
    if (!client) return;
    const frame = { op: 0, s: session.seq, ...asTold(event, session.intents) };
    if (halves > 0 && event.t === "MESSAGE_CREATE") {
      halves -= 1;
      return halfFrame(client.raw, JSON.stringify(frame));
    }
    const everyMs = event.t === "MESSAGE_CREATE" ? trickles.shift() : undefined;
    if (everyMs !== undefined) {
      client.silent = true;
      trickledFrame(client.raw, JSON.stringify(frame), everyMs);
      return;
    }
    for (let i = 0; i < times; i += 1) give(client, frame);
  }

  function spread(event: Event): void {
    const times = doubles > 0 ? 2 : 1;
    if (doubles > 0) doubles -= 1;
    for (const session of sessions.values())
      if (!session.ended && isTold(event, session.intents)) dispatch(session, event, times);
    changes.note();
  }

  function take(client: Client, data: string): void {
    if (client.silent) return;
    const parsed = FromClient.safeParse(JSON.parse(data));
    if (!parsed.success) return client.web.close(4002);
    const { op, d } = parsed.data;
    if (op === 1) {
      client.beatAt = world.now();
      beats += 1;
      lastBeat = d;
      changes.note();
      return give(client, { op: 11 });
    }
    if (client.session) return client.web.close(4005);
    if (d.token !== world.bot.token) return client.web.close(4004);
    if (refusing) return client.web.close(refusing.code);
    if (op === 2) identify(client, d.intents);
    else resume(client, d.session_id, d.seq);
    changes.note();
  }

  function identify(client: Client, intents: number): void {
    journal.push("identify");
    if ((intents & ~INTENTS) !== 0) return client.web.close(4013);
    if ((intents & CONTENT) !== 0 && ((world.bot.flags ?? CONTENT_FLAGS) & CONTENT_FLAGS) === 0)
      return client.web.close(4014);
    const tooSoon = world.now() - identifiedAt < rules.identifyEveryMs;
    rules.starts -= 1;
    identifiedAt = world.now();
    if (tooSoon) return give(client, { op: 9, d: false });
    if (rules.starts < 0) return client.web.close(4004); // its token is taken away
    const session: Session = {
      id: `session${sessions.size + 1}`,
      intents,
      events: [],
      seq: 0,
      ended: false,
      client,
    };
    sessions.set(session.id, session);
    onBegin();
    client.session = session;
    dispatch(session, {
      t: "READY",
      d: {
        v: 10,
        user: ourJson(world),
        guilds: [{ id: GUILD, unavailable: true }],
        session_id: session.id,
        resume_gateway_url: url,
        application: { id: world.bot.id, flags: 0 },
      },
    });
    dispatch(session, { t: "GUILD_CREATE", d: { id: GUILD, name: "Home", channels: [], threads: [] } });
  }

  function resume(client: Client, id: string, seq: number): void {
    journal.push("resume");
    const session = sessions.get(id);
    if (!session || session.ended) return give(client, { op: 9, d: false });
    if (seq > session.seq) return client.web.close(4007);
    session.client?.web.terminate();
    session.client = client;
    onBegin();
    client.session = session;
    for (const { s, event } of session.events)
      if (s > seq) give(client, { op: 0, s, ...asTold(event, session.intents) });
    give(client, { op: 0, t: "RESUMED", s: session.seq, d: {} });
  }

  const watch = setInterval(() => {
    for (const { web, beatAt } of clients) if (world.now() - beatAt > 3 * rules.beatMs) web.close(4000);
  }, rules.beatMs);
  watch.unref();

  return {
    journal,
    rules,

    /** Where it is reached. */
    at(address: string): void {
      url = address;
    },

    upgrade(request: IncomingMessage, raw: Duplex, head: Buffer): void {
      const { searchParams } = new URL(request.url ?? "/", "http://fake");
      sockets.handleUpgrade(request, raw, head, (web) => {
        if (searchParams.get("v") !== "10" || searchParams.get("encoding") !== "json") return web.close(4012);
        const client: Client = { web, raw, session: undefined, silent: false, beatAt: world.now() };
        clients.add(client);
        web.on("message", (data) => take(client, Buffer.isBuffer(data) ? data.toString() : ""));
        web.on("error", () => web.terminate());
        web.on("close", (code) => {
          clients.delete(client);
          const { session } = client;
          if (!session || session.client !== client) return;
          session.client = undefined;
          if (code === 1000 || code === 1001) session.ended = true;
        });
        give(client, { op: 10, d: { heartbeat_interval: rules.beatMs } });
      });
    },

    /** Somebody did something of which the bot is told. */
    tell(t: string, d: object): void {
      if (reorders > 0 && !held) {
        reorders -= 1;
        held = { t, d };
        return;
      }
      const first = held;
      held = undefined;
      spread({ t, d });
      if (first) spread(first);
    },

    /** Signs of life, of all clients. */
    beats: (): number => beats,
    /** Up to which number the last of them has said that all was heard. */
    lastBeat: (): number | null => lastBeat,

    /** A session exists. */
    isThere: (): boolean => sessions.size > 0,

    /** Whenever a session begins or is taken up. */
    onBegin(call: () => void): void {
      onBegin = call;
    },

    /** A frame of its own, to everybody. */
    say(frame: object): void {
      for (const client of clients) give(client, frame);
    },

    /** Closes every connection with that code. */
    close(code: number): void {
      for (const { web } of clients) web.close(code);
    },

    /** From now on whoever begins or goes on is closed with that code; undefined: no more. */
    refuse(code: number | undefined): void {
      refusing = code === undefined ? undefined : { code };
    },

    /** No session can be taken up any more. */
    forget(): void {
      for (const session of sessions.values()) session.ended = true;
    },

    duplicate: (calls = 1) => void (doubles += calls),
    reorder: (calls = 1) => void (reorders += calls),
    closeMidFrame: (calls = 1) => void (halves += calls),
    /** The next message comes in a frame that never ends. */
    trickle: (everyMs: number) => void trickles.push(everyMs),
    goSilent(): void {
      for (const client of clients) client.silent = true;
    },

    mend(): void {
      [doubles, halves, reorders, trickles] = [0, 0, 0, []];
      refusing = undefined;
    },

    end(): void {
      clearInterval(watch);
      for (const { web } of clients) web.terminate();
      sockets.close();
    },
  };
}

function isTold({ t, d }: Event, intents: number): boolean {
  const [inServers, direct] = NEEDS[t] ?? [0, 0];
  const bit = "guild_id" in d && d.guild_id !== undefined ? inServers : direct;
  return bit === 0 || (intents & bit) !== 0;
}

/** Without the intent for it, contents are hidden from a bot that is not addressed. */
function asTold(event: Event, intents: number): Event {
  const hides = (intents & CONTENT) === 0 && event.t.startsWith("MESSAGE_") && "guild_id" in event.d;
  return hides ? { t: event.t, d: { ...event.d, content: "", attachments: [] } } : event;
}
