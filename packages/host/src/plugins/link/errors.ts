/**
 * Errors over a link keep what the class of theirs says to do next. What is no error of ours comes out as a plain
 * `Error`: whoever called decides what that means. By name, for a plugin may bring an sdk of its own.
 */
import {
  BellhopError,
  ConfigError,
  RejectedError,
  StaleError,
  TemporaryError,
  UnknownOutcomeError,
} from "@bellhop/sdk";

export interface WireError {
  readonly name: string;
  readonly message: string;
  readonly retryAfterMs?: number;
}

const MOST_CHARACTERS = 2_000;
const CLASSES = { UnknownOutcomeError, RejectedError, ConfigError, StaleError } as const;

/** The other side died, or was never there. Whether it had begun, whoever called must judge. */
export class GoneError extends TemporaryError {}

export function toWire(error: unknown): WireError {
  if (!(error instanceof Error)) return { name: "Error", message: cut(String(error)) };
  const name = nameOf(error);
  const message = cut(error.message === "" ? error.name : error.message);
  const retry = name === "TemporaryError" && "retryAfterMs" in error ? error.retryAfterMs : undefined;
  return typeof retry === "number" && Number.isFinite(retry) && retry >= 0
    ? { name, message, retryAfterMs: retry }
    : { name, message };
}

export function fromWire({ name, message, retryAfterMs }: WireError): Error {
  if (name === "TemporaryError") return new TemporaryError(message, { retryAfterMs });
  for (const [known, Class] of Object.entries(CLASSES)) if (known === name) return new Class(message);
  return new Error(message);
}

/** Of the class or one that it is made from. */
function nameOf(error: Error): string {
  const known = ["TemporaryError", ...Object.keys(CLASSES)];
  for (let at: unknown = error; typeof at === "object" && at !== null; at = Object.getPrototypeOf(at)) {
    const name = Object.hasOwn(at, "constructor") ? at.constructor.name : "";
    if (known.includes(name)) return name;
  }
  return error instanceof BellhopError ? "RejectedError" : "Error";
}

function cut(text: string): string {
  return text.length <= MOST_CHARACTERS ? text : `${text.slice(0, MOST_CHARACTERS)} …`;
}
