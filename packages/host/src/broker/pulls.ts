/**
 * Files on their way out of a sandbox: the host wants one, the sandbox pushes it up through its door
 * (docs/decisions/files-out.md). The host never opens a path that an agent can write.
 *
 * - Only what a live turn wants is taken, once, under an id that nobody could guess; with the turn
 *   everything that it wanted ends.
 * - Inside, forwarder.mjs waits at `GET /bellhop/wanted`: the first to ask is it, and it asks before
 *   anything of the agent's runs. What it pushes is the agent's, whoever pushed it.
 * - How much is taken is for the one who wanted it to say; how long it may take is said here.
 */
import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { RejectedError, StaleError, TemporaryError } from "@bellhop/sdk";
import type { Clock } from "../core/clock.ts";
import { ALREADY_WAITED_FOR, NOT_WANTED, refuse } from "./refusal.ts";

/** However slowly a sandbox pushes. */
const PULL_MS = 120_000;
const PUSHED = /^\/bellhop\/files\/([0-9a-f-]{36})(?:\?problem=([A-Z0-9_]{1,20}))?$/;

interface Wanted {
  readonly path: string;
  take(request: IncomingMessage): Promise<void>;
  fail(error: Error): void;
}

export function createPulls(clock: Clock) {
  const wanted = new Map<string, Wanted>();
  /** Ends each pull that is under way. */
  const under = new Set<(error: Error) => void>();
  let waiter: ServerResponse | undefined;

  function wait(response: ServerResponse): void {
    if (waiter && !waiter.destroyed) return refuse(response, ALREADY_WAITED_FOR, true);
    waiter = response;
    response.writeHead(200, { "content-type": "application/x-ndjson" });
    response.flushHeaders();
  }

  async function pushed(
    id: string,
    problem: string | undefined,
    request: IncomingMessage,
    response: ServerResponse,
  ) {
    const one = wanted.get(id);
    if (!one) {
      request.resume();
      return refuse(response, NOT_WANTED, true);
    }
    wanted.delete(id); // once
    if (problem === undefined) await one.take(request);
    else one.fail(new RejectedError(inWords(one.path, problem)));
    if (!response.destroyed) response.writeHead(204, { connection: "close" }).end();
  }

  return {
    /** Whether the request was one of these. */
    serves({ method, url = "" }: IncomingMessage): boolean {
      return (method === "GET" && url === "/bellhop/wanted") || (method === "PUT" && PUSHED.test(url));
    },

    async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
      const [, id, problem] = PUSHED.exec(request.url ?? "") ?? [];
      if (id === undefined) wait(response);
      else await pushed(id, problem, request, response);
    },

    /**
     * Wants the file at `path` inside, and gives its bytes to `take` as they come, with how many there
     * are to be: no more will come.
     * @throws RejectedError when it cannot be read there, TemporaryError when it did not come
     */
    async pull<T>(
      path: string,
      take: (source: AsyncIterable<unknown>, bytes?: number) => Promise<T>,
    ): Promise<T> {
      const listening = waiter;
      if (!listening || listening.destroyed)
        throw new TemporaryError("the sandbox does not hand out files just now; try again in a moment");
      const id = randomUUID();
      const done = Promise.withResolvers<T>();
      let coming: IncomingMessage | undefined;
      const fail = (error: Error) => {
        wanted.delete(id);
        coming?.destroy(error);
        done.reject(error);
      };
      const cancel = clock.after(PULL_MS, () =>
        fail(new TemporaryError(`${quoted(path)} took too long to come`)),
      );
      wanted.set(id, {
        path,
        fail,
        async take(request) {
          coming = request;
          await take(request, announced(request)).then(done.resolve, fail);
        },
      });
      listening.write(`${JSON.stringify({ id, path })}\n`);
      under.add(fail);
      try {
        return await done.promise;
      } finally {
        cancel();
        under.delete(fail);
      }
    },

    /** Nothing is wanted any more: the turn is over. */
    end(): void {
      for (const fail of under) fail(new StaleError("the answer that wanted this file is over"));
    },
  };
}

function inWords(path: string, problem: string): string {
  const what = quoted(path);
  switch (problem) {
    case "ENOENT":
    case "ENOTDIR":
      return `there is no file ${what}`;
    case "EISDIR":
      return `${what} is a folder; pack it into one file first`;
    case "EACCES":
    case "EPERM":
      return `${what} may not be read`;
    default:
      return `${what} cannot be read as a plain file (${problem})`;
  }
}

function announced({ headers }: IncomingMessage): number | undefined {
  const length = headers["content-length"];
  return length === undefined ? undefined : Number(length);
}

const quoted = (path: string) => JSON.stringify(path.slice(0, 300));
