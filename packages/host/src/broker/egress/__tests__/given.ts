/** A door of a real broker before the small internet, with a strict stand-in for the policy, and clients of it. */
import { once } from "node:events";
import { Agent, request as httpRequest, type IncomingMessage } from "node:http";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { onTestFinished } from "vitest";
import { type Clock, systemClock } from "../../../core/clock.ts";
import { EgressRule, type EgressMode, type PlacedRule, type Target } from "../../../core/egress-rule.ts";
import { GroupFolder, newId, SandboxId, SessionId, TurnId } from "../../../core/ids.ts";
import { silentLog } from "../../../log.ts";
import type { Action, Choice, Policy, Ruling, Taint } from "../../../policy/policy.ts";
import type { EgressAsked, EgressBegun, EgressEnded, EgressRecord } from "../../../store/egress-record.ts";
import { providerAt, temporaryDirectory } from "../../__tests__/given.ts";
import { createBroker } from "../../broker.ts";
import type { Injection } from "../../injection.ts";
import type { EgressLimits } from "../egress.ts";
import { createReach } from "../network.ts";
import type { Authority, Internet } from "./internet.ts";

export const FAMILY = GroupFolder.parse("family");

export interface DoorOptions {
  readonly internet: Internet;
  readonly authority: Authority | undefined;
  readonly rules?: readonly (Partial<EgressRule> & { host: string; pin?: string })[];
  readonly mode?: EgressMode;
  readonly tainted?: boolean;
  readonly live?: boolean;
  readonly limits?: Partial<EgressLimits>;
  readonly injection?: Injection;
  readonly clock?: Clock;
  readonly ownPorts?: readonly number[];
  /** What the owner answers to each question, in turn. */
  readonly answers?: readonly (Choice | "unattended" | "unanswered")[];
  /** What the policy says of each write, in turn. */
  readonly rulings?: readonly Ruling[];
}

export async function givenDoor(options: DoorOptions) {
  const { internet, clock = systemClock, live = true, mode = "ask" } = options;
  const placed: PlacedRule[] = (options.rules ?? []).map(({ pin, ...rule }) => ({
    rule: EgressRule.parse(rule),
    origin: "group",
    source: "a test",
    ...(pin !== undefined && { pin }),
  }));
  const answers = [...(options.answers ?? [])];
  const rulings = [...(options.rulings ?? [])];
  const questions: { action: Action; choices: readonly Choice[]; waitMs: number }[] = [];
  const judged: Action[] = [];
  /** Strict: what nobody foresaw fails the test. */
  const policy: Policy = {
    judge(action, _asker, waitMs) {
      judged.push(action);
      const ruling = rulings.shift();
      if (!ruling || waitMs > 60_000) throw new Error(`nobody foresaw ${action.words}`);
      return Promise.resolve(ruling);
    },
    ask(action, _asker, choices, waitMs) {
      questions.push({ action, choices, waitMs });
      const answer = answers.shift();
      if (!answer) throw new Error(`nobody foresaw ${action.words}`);
      return Promise.resolve(answer);
    },
  };
  let isTainted = options.tainted ?? false;
  const causes: string[] = [];
  const taint: Taint = {
    of: () => isTainted,
    mark(_session, cause) {
      causes.push(cause);
      isTainted = true;
      return Promise.resolve();
    },
  };
  const begun: (EgressBegun & Partial<EgressEnded>)[] = [];
  const refused: (EgressAsked & { reason: string })[] = [];
  const record: EgressRecord = {
    begin(row) {
      const one: EgressBegun & { ended?: EgressEnded } = { ...row };
      begun.push(one);
      return Promise.resolve((ended) => {
        Object.assign(one, ended);
        return Promise.resolve();
      });
    },
    refused(row, reason) {
      refused.push({ ...row, reason });
      return Promise.resolve();
    },
  };
  const kept: { target: Target; action: "allow" | "deny" }[] = [];
  const broker = await createBroker({
    runDirectory: await temporaryDirectory(),
    providers: [providerAt(new URL("http://127.0.0.1:1"))],
    record: () => undefined,
    taint,
    egress: {
      rulesOf: () => placed,
      modeOf: () => mode,
      keep(_group, target, action) {
        kept.push({ target, action });
        placed.push({ rule: EgressRule.parse({ ...target, action }), origin: "group", source: "a test" });
        return Promise.resolve();
      },
      policy,
      taint,
      reach: createReach({ network: internet.network, ownPorts: () => options.ownPorts ?? [], clock }),
      record,
      certificates: options.authority,
      injection: options.injection,
      limits: {
        connections: 8,
        requestsPerMinute: 1_000,
        requestBytes: 1024 * 1024,
        responseBytes: 1024 * 1024,
        ms: 60_000,
        ...options.limits,
      },
    },
    clock,
    log: silentLog,
  });
  onTestFinished(() => broker.close());
  const door = await broker.openDoor({
    sandbox: newId(SandboxId),
    session: newId(SessionId),
    group: FAMILY,
    provider: broker.provider,
  });
  const turn = newId(TurnId);
  if (live) door.setTurn(turn);
  const socketPath = join(door.directory, "broker.sock");

  /** CONNECT; the head of the answer, and the connection. */
  async function connectTo(authority: string): Promise<{ status: number; body: string; socket: Socket }> {
    const socket = connect(socketPath);
    onTestFinished(() => void socket.destroy());
    socket.on("error", () => undefined);
    socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`);
    let head = "";
    while (!head.includes("\r\n\r\n")) {
      const chunk: unknown = socket.read();
      if (chunk instanceof Buffer) head += chunk.toString("latin1");
      else if (socket.readableEnded || socket.destroyed) break;
      else await Promise.race([once(socket, "readable"), once(socket, "close")]);
    }
    const status = Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1] ?? 0);
    if (status === 200) return { status, body: "", socket };
    socket.setEncoding("utf8");
    return { status, body: head + (socket.destroyed ? "" : await text(socket)), socket };
  }

  async function tlsTo(
    host: string,
    { port = 443, name = host, alpn = ["http/1.1"] }: { port?: number; name?: string; alpn?: string[] } = {},
  ): Promise<TLSSocket> {
    const { status, body, socket } = await connectTo(`${host}:${port}`);
    if (status !== 200) throw new Refused(status, body);
    const secure = connectTls({
      socket,
      servername: name,
      ca: [internet.roots.ca, ...(options.authority ? [options.authority.ca] : [])],
      ALPNProtocols: alpn,
    });
    onTestFinished(() => void secure.destroy());
    await once(secure, "secureConnect");
    secure.on("error", () => undefined);
    return secure;
  }

  async function send(socket: Socket, path: string, more: Ask): Promise<Answer> {
    const agent = new Agent();
    agent.createConnection = () => socket;
    const request = httpRequest({
      agent,
      path,
      method: more.method ?? "GET",
      setHost: false,
      headers: { ...(more.host !== undefined && { host: more.host }), ...more.headers },
    });
    return await answerOf(request, more.body);
  }

  return {
    broker,
    door,
    turn,
    placed,
    questions,
    judged,
    causes,
    begun,
    refused,
    kept,
    isTainted: () => isTainted,
    connectTo,
    tlsTo,
    send,
    /** `https://host/path`, through CONNECT. */
    async https(
      host: string,
      path = "/",
      more: Ask & { port?: number; name?: string } = {},
    ): Promise<Answer> {
      const { port = 443 } = more;
      const socket = await tlsTo(host, { ...more, port });
      return await send(socket, path, { host: port === 443 ? host : `${host}:${port}`, ...more });
    },
    /** `http://host/path`, in absolute form. */
    async http(url: string, more: Ask = {}): Promise<Answer> {
      const request = httpRequest({
        socketPath,
        path: url,
        method: more.method ?? "GET",
        setHost: false,
        agent: false,
        headers: { host: more.host ?? new URL(url).host, ...more.headers },
      });
      return await answerOf(request, more.body);
    },
    socketPath,
  };
}

export class Refused extends Error {
  readonly status: number;
  constructor(status: number, body: string) {
    super(body);
    this.status = status;
  }
}

interface Ask {
  readonly method?: string;
  readonly host?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
  readonly socket: Socket;
}

async function answerOf(request: ReturnType<typeof httpRequest>, body: string | undefined): Promise<Answer> {
  const answered = Promise.withResolvers<IncomingMessage>();
  request.on("response", answered.resolve);
  request.on("error", answered.reject);
  request.end(body);
  const response = await answered.promise;
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    body: await text(response),
    socket: response.socket,
  };
}
