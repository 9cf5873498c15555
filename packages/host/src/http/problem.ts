/**
 * How the API says no: `{ error: { code, message } }`. The code is for programs, the message is one
 * sentence for a person: what is wrong and how to mend it. What nobody foresaw goes to the log, and
 * the caller learns only that it did.
 */
import { ConfigError, RejectedError, StaleError, TemporaryError } from "@bellhop/sdk";
import type { ErrorHandler } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { z } from "zod";
import type { Log } from "../log.ts";
import { NoTaskError } from "../scheduler/no-task.ts";

const STATUS = {
  bad_request: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  too_large: 413,
  unavailable: 503,
} as const satisfies Record<string, ContentfulStatusCode>;

export const ProblemCode = z.literal(Object.keys(STATUS) as (keyof typeof STATUS)[]);
export type ProblemCode = keyof typeof STATUS;

export const Problem = z.object({ error: z.object({ code: ProblemCode, message: z.string() }) });
export type Problem = z.infer<typeof Problem>;

/** An answer other than the one that was asked for. Thrown by routes, told by `onError`. */
export class ProblemError extends Error {
  override readonly name = "ProblemError";
  readonly code: ProblemCode;
  readonly retryAfterSeconds: number | undefined;
  constructor(
    code: ProblemCode,
    message: string,
    options: ErrorOptions & { retryAfterSeconds?: number } = {},
  ) {
    super(message, options);
    this.code = code;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/** @throws ProblemError `bad_request` that names each field that is wrong, and why */
export function parseInput<T>(schema: z.ZodType<T>, input: unknown): T {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const wrong = parsed.error.issues.map(({ path, message }) =>
    path.length === 0 ? message : `${path.join(".")}: ${message}`,
  );
  throw new ProblemError("bad_request", `${wrong.join("; ")}.`, { cause: parsed.error });
}

export function createErrorHandler(log: Log): ErrorHandler {
  return (error, c) => {
    const problem = toProblem(error);
    if (problem === undefined) {
      log.error({ err: error, method: c.req.method, path: c.req.path }, "a request failed");
      const message = "Bellhop failed at this; its log says why.";
      return c.json({ error: { code: "unavailable", message } } satisfies Problem, 500);
    }
    if (problem.retryAfterSeconds !== undefined) c.header("Retry-After", String(problem.retryAfterSeconds));
    if (problem.code === "unauthorized") c.header("WWW-Authenticate", "Bearer");
    const body: Problem = { error: { code: problem.code, message: problem.message } };
    return c.json(body, STATUS[problem.code]);
  };
}

/** The HTTP status of what an error is told as. */
export function statusOf(error: Error): ContentfulStatusCode {
  const problem = toProblem(error);
  return problem ? STATUS[problem.code] : 500;
}

function toProblem(error: Error): ProblemError | undefined {
  if (error instanceof ProblemError) return error;
  if (error instanceof TemporaryError) {
    const retryAfterSeconds = Math.ceil((error.retryAfterMs ?? 1000) / 1000);
    return new ProblemError("unavailable", error.message, { cause: error, retryAfterSeconds });
  }
  if (error instanceof NoTaskError) return new ProblemError("not_found", error.message, { cause: error });
  if (error instanceof RejectedError || error instanceof StaleError) {
    return new ProblemError("conflict", error.message, { cause: error });
  }
  if (error instanceof ConfigError) return new ProblemError("unavailable", error.message, { cause: error });
  return undefined;
}
