/**
 * One request of a sandbox to a host, from its head to its end, however it came here.
 *
 * - It goes to the host that its connection was opened for, or nowhere: `Host` has to say the same.
 * - Judged, then written down, then sent; before the first byte of an answer goes in, the session is tainted.
 * - What must not come back is taken out of head and body; what is compressed cannot be looked through and does
 *   not come back where there is something to take out.
 * - No redirect is followed: a new request is judged anew.
 */
import { RejectedError } from "@bellhop/sdk";
import type { ClientRequest, IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders } from "node:http";
import { type Duplex, type Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { readPath, type Target, targetOf, targetText } from "../../core/egress-rule.ts";
import type { GroupFolder, SessionId, TurnId } from "../../core/ids.ts";
import type { Log } from "../../log.ts";
import type { Taint } from "../../policy/policy.ts";
import { HOP_BY_HOP, inwards, without } from "../headers.ts";
import type { Injection } from "../injection.ts";
import { refusalBytes } from "../refusal.ts";
import { createScrubber, scrubText } from "../scrub.ts";
import type { Caller } from "./caller.ts";
import { type Judge, privately } from "./judge.ts";
import type { EgressRecord } from "../../store/egress-record.ts";
import { egressFailed, egressRefused, egressTooLarge } from "./refusals.ts";
import { headOf, type Upstream } from "./upstream.ts";

export interface ExchangeDeps {
  readonly group: GroupFolder;
  readonly session: SessionId;
  readonly judge: Judge;
  readonly taint: Taint;
  readonly record: EgressRecord;
  readonly injection: Injection | undefined;
  /** Notes a refusal, for the log and the record. */
  readonly refused: (
    target: Target,
    asked: { method: string; path: string },
    rule: string,
    why: string,
  ) => void;
  /** Before anything from `target` goes in. */
  readonly onAnswer: (target: Target) => Promise<void>;
  readonly maxRequest: number;
  readonly maxResponse: number;
  readonly log: Log;
}

export interface Exchange {
  /** Answers one request, if only with a refusal. */
  serve(caller: Caller, upstream: Upstream, turn: TurnId): Promise<void>;
  /** One that wants to switch to another protocol: `socket` is the sandbox's end. */
  upgrade(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    upstream: Upstream,
    turn: TurnId,
  ): Promise<void>;
}

const NOT_OUT = new Set([...HOP_BY_HOP, "expect", "host"]);
/** Another way to the same host would pass us by. */
const NOT_IN = new Set([...HOP_BY_HOP, "alt-svc"]);

/** Ready to be sent. */
interface Allowed {
  readonly method: string;
  readonly path: string;
  readonly headers: OutgoingHttpHeaders;
  readonly scrub: readonly string[];
  readonly end: (ended: { outcome: string; sent: number; received: number }) => Promise<void>;
}

export function createExchange(deps: ExchangeDeps): Exchange {
  const { group, session, judge, record, injection, refused, onAnswer, maxRequest, maxResponse, log } = deps;

  /** Everything that has to be so before a byte leaves. @throws RejectedError with what the agent is told */
  async function allow(
    asked: {
      method: string;
      url: string;
      authority: string | undefined;
      headers: IncomingHttpHeaders;
    },
    { target, secure }: Upstream,
    turn: TurnId,
    both: boolean,
  ): Promise<Allowed> {
    const { method, headers } = asked;
    const named = asked.authority === undefined ? undefined : targetOf(asked.authority, secure ? 443 : 80);
    if (named === undefined || targetText(named) !== targetText(target)) {
      const said = JSON.stringify((asked.authority ?? "").slice(0, 200));
      refused(target, { method, path: "" }, "hosts agree", `Host says ${said}`);
      throw new RejectedError(
        `the connection was opened for ${targetText(target)}, and the request names ${said}`,
      );
    }
    const read = readPath(asked.url);
    if (!read) throw new RejectedError("the path of the request cannot be read");
    const { path, search } = read;
    const length = Number(headers["content-length"] ?? Number.NaN);
    const bytes = Number.isSafeInteger(length) ? length : null;
    const verdict = await judge.request({ ...target, method, path }, { turn, search, bytes, both });
    if (!verdict.may) {
      refused(target, { method, path }, verdict.rule, verdict.reason);
      throw new RejectedError(verdict.reason);
    }
    if (!secure && injection?.binds(group, target.host, target.port)) {
      const why = `a secret is bound to ${targetText(target)}, so it is reached by https alone`;
      refused(target, { method, path }, "secrets over TLS", why);
      throw new RejectedError(`${why}.`);
    }
    const kept = without(headers, NOT_OUT);
    const given = injection?.apply({ group, ...target, method, path: path + search, headers: kept });
    const scrub = given?.scrub ?? [];
    const usual = target.port === (secure ? 443 : 80);
    const host = usual ? targetText(target).replace(/:\d+$/, "") : targetText(target);
    const end = await record.begin({
      group,
      session,
      turn,
      how: both ? "websocket" : "request",
      ...target,
      rule: verdict.rule,
      method,
      path,
      secrets: given?.used ?? [],
    });
    return {
      method,
      path: given?.path ?? path + search,
      headers: {
        host,
        ...(given?.headers ?? kept),
        ...(scrub.length > 0 ? { "accept-encoding": "identity" } : {}),
      },
      scrub,
      end,
    };
  }

  async function serve(caller: Caller, upstream: Upstream, turn: TurnId): Promise<void> {
    let allowed: Allowed;
    try {
      allowed = await allow(caller, upstream, turn, false);
    } catch (error) {
      if (!(error instanceof RejectedError)) throw error;
      return caller.refuse(egressRefused(error.message));
    }
    const { method, path, headers, scrub, end } = allowed;
    const sent = counting(maxRequest);
    const received = counting(maxResponse);
    let outcome = "left by the sandbox";
    try {
      if (caller.gone()) return;
      const { body } = caller;
      const chunked =
        body && headers["content-length"] === undefined ? { "transfer-encoding": "chunked" } : {};
      const out = upstream.request({ method, path, headers: { ...headers, ...chunked } });
      caller.onGone(() => out.destroy());
      const answered = headOf(out);
      if (body) push(body, sent.stream, out);
      else out.end();
      const { answer, switched } = await answered;
      switched?.socket.destroy(); // nobody asked for it
      const status = answer.statusCode ?? 0;
      if (scrub.length > 0 && (answer.headers["content-encoding"] ?? "identity") !== "identity") {
        answer.destroy();
        outcome = "failed: compressed where it must be looked through";
        return caller.refuse(
          egressFailed(`${targetText(upstream.target)} compressed what must be looked through`),
        );
      }
      await onAnswer(upstream.target);
      const to = caller.answer(status, inwards(answer.headers, scrub, NOT_IN));
      outcome = `cut: ${status}`;
      const filters = scrub.length > 0 ? [scrubbing(scrub)] : [];
      await pipeline([answer, received.stream, ...filters, to]);
      outcome = String(status);
    } catch (error) {
      if (sent.over() || received.over()) {
        outcome = "cut: too large";
        return caller.refuse(egressTooLarge(sent.over() ? "request" : "response"));
      }
      if (caller.gone()) return;
      const why = error instanceof Error ? error.message : String(error);
      outcome = `failed: ${why}`;
      if (error instanceof RejectedError) {
        refused(upstream.target, { method, path: "" }, "addresses", why);
        return caller.refuse(egressRefused(privately(upstream.target, group, why)));
      }
      caller.refuse(egressFailed(why));
    } finally {
      await end({ outcome: scrubText(outcome, scrub), sent: sent.bytes(), received: received.bytes() });
    }
  }

  async function upgrade(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    upstream: Upstream,
    turn: TurnId,
  ): Promise<void> {
    const { method = "GET", url = "", headers } = request;
    const [authority, second] = request.headersDistinct["host"] ?? [];
    let allowed: Allowed;
    try {
      const sole = second === undefined ? authority : undefined;
      allowed = await allow({ method, url, authority: sole, headers }, upstream, turn, true);
    } catch (error) {
      if (!(error instanceof RejectedError)) throw error;
      return void socket.end(refusalBytes(egressRefused(error.message)));
    }
    const sent = counting(maxRequest);
    const received = counting(maxResponse);
    let outcome = "left by the sandbox";
    try {
      if (socket.destroyed) return;
      const out = upstream.request({
        method,
        path: allowed.path,
        headers: {
          ...allowed.headers,
          connection: "upgrade",
          upgrade: headers.upgrade,
          // Compressed frames cannot be looked through.
          ...(allowed.scrub.length > 0 ? { "sec-websocket-extensions": undefined } : {}),
        },
      });
      socket.once("close", () => out.destroy());
      out.end();
      const { answer, switched } = await headOf(out);
      await onAnswer(upstream.target);
      socket.write(headBytes(answer, inwards(answer.headers, allowed.scrub, NOT_IN), switched !== undefined));
      outcome = `cut: ${answer.statusCode}`;
      const filters = allowed.scrub.length > 0 ? [scrubbing(allowed.scrub)] : [];
      if (!switched) await pipeline([answer, received.stream, ...filters, socket]);
      else {
        const other = switched.socket;
        for (const end of [socket, other]) end.setMaxListeners(20); // two pipelines listen at each
        if (head.length > 0) socket.unshift(head);
        if (switched.head.length > 0) other.unshift(switched.head);
        await Promise.all([
          pipeline(socket, sent.stream, other),
          pipeline([other, received.stream, ...filters, socket]),
        ]);
      }
      outcome = String(answer.statusCode);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      if (sent.over() || received.over()) outcome = "cut: too large";
      else if (outcome === "left by the sandbox") {
        outcome = `failed: ${why}`;
        const refusal = error instanceof RejectedError ? egressRefused(why) : egressFailed(why);
        if (!socket.destroyed) return void socket.end(refusalBytes(refusal));
      }
      log.debug({ err: error }, "an upgraded connection ended");
      socket.destroy();
    } finally {
      await allowed.end({ outcome, sent: sent.bytes(), received: received.bytes() });
    }
  }

  return { serve, upgrade };
}

/** Not a pipeline: where it breaks off, the sandbox is still to be told why. */
function push(body: Readable, through: Transform, out: ClientRequest): void {
  through.once("error", (error) => {
    body.unpipe(through);
    body.resume();
    out.destroy(error);
  });
  body.once("error", () => out.destroy());
  body.pipe(through).pipe(out);
}

/** The head of an answer on a raw connection; without a switch, the connection ends with the body. */
function headBytes(answer: IncomingMessage, headers: OutgoingHttpHeaders, switched: boolean): string {
  const own = switched ? { connection: "Upgrade", upgrade: answer.headers.upgrade } : { connection: "close" };
  const lines = Object.entries({ ...headers, ...own }).flatMap(([name, value]) =>
    [value ?? []].flat().map((one) => `${name}: ${String(one)}`),
  );
  return [`HTTP/1.1 ${answer.statusCode} ${answer.statusMessage ?? ""}`, ...lines, "", ""].join("\r\n");
}

/** Takes out what must not come back. */
function scrubbing(secrets: readonly string[]): Transform {
  const scrubber = createScrubber(secrets);
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      done(null, scrubber.push(chunk));
    },
    flush(done) {
      done(null, scrubber.end());
    },
  });
}

/** Passes bytes on and counts them, up to a limit. */
export function counting(limit: number) {
  let bytes = 0;
  return {
    bytes: () => bytes,
    over: () => bytes > limit,
    stream: new Transform({
      transform(chunk: Buffer, _encoding, done) {
        bytes += chunk.length;
        if (bytes > limit) done(new RejectedError("it is larger than may pass"));
        else done(null, chunk);
      },
    }),
  };
}
