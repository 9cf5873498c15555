/**
 * What a server calls the models that we ask for. The host names a model as Anthropic does (`sonnet`, which the
 * engine's program makes `claude-sonnet-5-5`); another server has others. An owner's route says which is which:
 * by the whole name, by the family, or `default` for all else, such as the small calls that the program makes
 * by itself.
 */
import { z } from "zod";
import { parseJson } from "./failure.ts";

export type ModelNames = Readonly<Record<string, string>>;

const Asked = z.looseObject({ model: z.string() });

export function servedName(names: ModelNames, asked: string): string {
  const family = Object.keys(names).find((name) => asked.split("-").includes(name));
  return names[asked] ?? (family && names[family]) ?? names["default"] ?? asked;
}

/** The request's body with the server's own name in it; byte for byte the same where nothing is to change. */
export function renamed(body: Buffer, names: ModelNames | undefined): Buffer {
  if (!names || body.length === 0 || Object.keys(names).length === 0) return body;
  const asked = Asked.safeParse(parseJson(body.toString("utf8")));
  if (!asked.success) return body;
  const model = servedName(names, asked.data.model);
  return model === asked.data.model ? body : Buffer.from(JSON.stringify({ ...asked.data, model }));
}
