/**
 * Reads a JSON body. Only `application/json` is taken: a form of a foreign page cannot send that
 * without the browser asking us first, which we never answer.
 */
import type { Context } from "hono";
import type { z } from "zod";
import { parseInput, ProblemError } from "./problem.ts";

/** @throws ProblemError `bad_request` when it is no JSON, or not what `schema` wants */
export async function readBody<T>(c: Context, schema: z.ZodType<T>): Promise<T> {
  const type = c.req.header("content-type")?.split(";")[0]?.trim().toLowerCase();
  if (type !== "application/json") {
    throw new ProblemError("bad_request", "The body must be JSON: send `Content-Type: application/json`.");
  }
  const text = await c.req.text();
  return parseInput(schema, parseJson(text));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ProblemError("bad_request", "The body is not valid JSON.", { cause });
  }
}
