/** Fills in a JSON schema with the plainest value that fits: the engine's program asks for titles so. */
import { z } from "zod";

const Schema = z.looseObject({
  type: z.string().optional(),
  enum: z.array(z.unknown()).optional(),
  properties: z.record(z.string(), z.unknown()).optional(),
});

/** Deep enough for any form; bounds the recursion where a schema was written to be deep. */
const MAX_DEPTH = 16;

export function sample(schema: unknown, depth = 0): unknown {
  const parsed = Schema.safeParse(schema);
  if (!parsed.success || depth > MAX_DEPTH) return null;
  const { type, enum: choices, properties } = parsed.data;
  if (choices) return choices[0] ?? null;
  switch (type) {
    case "string":
      return "Rehearsal";
    case "number":
    case "integer":
      return 0;
    case "boolean":
      return false;
    case "array":
      return [];
    case "object":
      return Object.fromEntries(
        Object.entries(properties ?? {}).map(([name, value]) => [name, sample(value, depth + 1)]),
      );
    case undefined:
    default:
      return null;
  }
}
