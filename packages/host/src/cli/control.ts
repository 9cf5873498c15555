/**
 * A request to the host over `run/control.sock`: whoever can open the socket is the owner. An error is one
 * sentence for a person, and its class says whether trying again can help.
 */
import { ConfigError, RejectedError, TemporaryError } from "@bellhop/sdk";
import { Agent, type IncomingMessage, request as httpRequest } from "node:http";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { z } from "zod";
import type { Clock } from "../core/clock.ts";

const Refusal = z.object({ error: z.object({ code: z.string(), message: z.string() }) });

/** Nobody listens on the socket: there is no host, or it restarts just now. */
export class NoHostError extends TemporaryError {}

/** The host refused; `code` is the API's. */
export class RefusedError extends RejectedError {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

export interface ControlOptions {
  readonly home: string;
  /** Path of the socket. */
  readonly socket: string;
  readonly clock: Clock;
  /** How long an ordinary call may take, ms. @default 30 s */
  readonly patience?: number;
}

interface RequestOptions {
  /** Sent as it is. */
  readonly content?: Readable | undefined;
  readonly body?: object | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * All calls throw NoHostError without a host, TemporaryError where it went away or is about to,
 * RefusedError where it said no, ConfigError where the socket is somebody else's, RejectedError where it
 * answered strangely.
 */
export interface Control {
  /** An ordinary call, which may take `patience`. */
  call<T>(method: string, path: string, result: z.ZodType<T>, body?: object): Promise<T>;
  /** An answer as it comes, however long it takes. */
  open(method: string, path: string, options?: RequestOptions): Promise<IncomingMessage>;
  /** The whole of one. */
  readAll(response: IncomingMessage): Promise<string>;
  /** What to throw where one broke off. */
  broken(error: unknown): Error;
}

export function createControl({ home, socket, clock, patience = 30_000 }: ControlOptions): Control {
  // A connection kept over a restart of the host would fail the first call after it.
  const agent = new Agent({ keepAlive: false });

  function ask(method: string, path: string, options: RequestOptions): Promise<IncomingMessage> {
    const { content, signal } = options;
    const body = options.body === undefined ? undefined : JSON.stringify(options.body);
    return new Promise((resolve, reject) => {
      const request = httpRequest({
        socketPath: socket,
        agent,
        method,
        path: `/api/v1${path}`,
        headers: {
          host: "localhost",
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(signal ? { signal } : {}),
      });
      request.on("error", (error) => reject(broken(error)));
      request.on("response", resolve);
      if (!content) request.end(body);
      // A host that has heard enough answers and hangs up: then the answer counts.
      else pipeline(content, request).catch((error: unknown) => reject(broken(error)));
    });
  }

  function broken(error: unknown): Error {
    const cause: NodeJS.ErrnoException = error instanceof Error ? error : new Error(String(error));
    const { code = "" } = cause;
    if (["ENOENT", "ECONNREFUSED", "ENOTDIR"].includes(code)) {
      return new NoHostError(
        `No Bellhop is running on ${home}. Start it with: bellhop up (in the repository: npm start).`,
        { cause },
      );
    }
    if (["EACCES", "EPERM"].includes(code)) {
      return new ConfigError(`${socket} belongs to another user: only the owner of ${home} can talk to it.`, {
        cause,
      });
    }
    return new TemporaryError(`The connection to the Bellhop on ${home} broke (${cause.message}).`, {
      cause,
    });
  }

  async function open(method: string, path: string, options: RequestOptions = {}): Promise<IncomingMessage> {
    const response = await ask(method, path, options);
    const { statusCode = 0 } = response;
    if (statusCode >= 200 && statusCode < 300) return response;
    throw refusal(statusCode, await readAll(response));
  }

  async function readAll(response: IncomingMessage): Promise<string> {
    try {
      return await textOf(response);
    } catch (error) {
      throw broken(error);
    }
  }

  return {
    open,
    readAll,
    broken,
    async call(method, path, result, body) {
      const late = new AbortController();
      const cancel = clock.after(patience, () => late.abort());
      try {
        return parse(result, await readAll(await open(method, path, { body, signal: late.signal })));
      } catch (error) {
        if (!late.signal.aborted) throw error;
        throw new TemporaryError(`The Bellhop on ${home} did not answer within ${patience / 1000} s.`, {
          cause: error,
        });
      } finally {
        cancel();
      }
    },
  };
}

function refusal(statusCode: number, text: string): Error {
  const body = Refusal.safeParse(jsonOf(text));
  const { code, message } = body.success
    ? body.data.error
    : { code: "unknown", message: `The host answered with HTTP ${statusCode} and no reason.` };
  // Draining, overloaded or failing for now: nothing was accepted.
  return statusCode === 429 || statusCode >= 500
    ? new TemporaryError(message)
    : new RefusedError(code, message);
}

/** @throws RejectedError where `text` is something else */
export function parse<T>(schema: z.ZodType<T>, text: string): T {
  const parsed = schema.safeParse(jsonOf(text));
  if (parsed.success) return parsed.data;
  throw new RejectedError("The host answered strangely. Is it of another version than this command?", {
    cause: parsed.error,
  });
}

/** undefined for what is not JSON: no schema of ours takes that. */
function jsonOf(text: string): unknown {
  try {
    return text === "" ? {} : JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = "";
  response.setEncoding("utf8");
  for await (const piece of response) text += String(piece);
  return text;
}
