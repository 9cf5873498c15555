/**
 * The guard between a sandbox's stdout and the library that reads it (design 5.1). Everything printed
 * there is the agent's and may be forged, so what comes out of here is bounded:
 *
 * - whole lines only, each one JSON object, at most `maxLineBytes` long and `maxDepth` deep;
 * - no more lines and bytes a second than `lines` and `bytes` allow;
 * - one line stays one line whatever a reader takes for a line's end (`\r`, U+2028, U+2029).
 *
 * A line that is no JSON object is dropped, because a stray print is no attack, until there are
 * `maxStray` of them. Any other breach ends the output at once and is reported once. The guard never
 * errors: a broken stream would surface in a library that may not be listening.
 */
import { Transform } from "node:stream";
import type { Clock } from "../core/clock.ts";
import { createAllowance, type Rate } from "../core/allowance.ts";

export interface LineLimits {
  readonly maxLineBytes: number;
  readonly maxDepth: number;
  readonly maxStray: number;
  readonly lines: Rate;
  readonly bytes: Rate;
}

/** 8 MiB and 2,000 lines a second are the design's; the rest keeps their product from being 16 GB/s. */
export const LINE_LIMITS: LineLimits = {
  maxLineBytes: 8 * 1024 * 1024,
  maxDepth: 200,
  maxStray: 100,
  lines: { perSecond: 2_000, burst: 4_000 },
  bytes: { perSecond: 16 * 1024 * 1024, burst: 64 * 1024 * 1024 },
};

export interface LineGuardOptions {
  readonly clock: Clock;
  readonly limits?: LineLimits;
  /** Sees each message before it is passed on; an answer is a breach, in words. */
  readonly inspect?: (message: Readonly<Record<string, unknown>>, bytes: number) => string | undefined;
  /** Called once. Kill the sandbox: nothing more comes out of this stream. */
  readonly onBreach: (reason: string) => void;
}

const NEWLINE = 0x0a;

export function createLineGuard({
  clock,
  limits = LINE_LIMITS,
  inspect,
  onBreach,
}: LineGuardOptions): Transform {
  const lines = createAllowance(clock, limits.lines);
  const bytes = createAllowance(clock, limits.bytes);
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  let stray = 0;
  let breached = false;

  function breach(reason: string): void {
    breached = true;
    pending = [];
    guard.push(null);
    onBreach(reason);
  }

  function line(raw: Buffer): void {
    if (!lines.take()) return breach(`more than ${limits.lines.perSecond} lines a second`);
    if (tooDeep(raw, limits.maxDepth)) return breach(`a line nested deeper than ${limits.maxDepth}`);
    const text = raw.toString("utf8");
    if (text.trim() === "") return;
    const message = parseObject(text);
    if (!message) {
      stray += 1;
      if (stray > limits.maxStray) breach(`more than ${limits.maxStray} lines that are no JSON object`);
      return;
    }
    const objection = inspect?.(message, raw.length);
    if (objection !== undefined) return breach(objection);
    guard.push(`${/[\r\u2028\u2029]/.test(text) ? oneLine(message) : text}\n`);
  }

  const guard = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      if (!breached && !bytes.take(chunk.length)) {
        breach(`more than ${limits.bytes.perSecond} bytes a second`);
      }
      let start = 0;
      while (!breached) {
        const end = chunk.indexOf(NEWLINE, start);
        const piece = chunk.subarray(start, end === -1 ? chunk.length : end);
        if (pendingBytes + piece.length > limits.maxLineBytes) {
          breach(`a line longer than ${limits.maxLineBytes} bytes`);
          break;
        }
        if (end === -1) {
          if (piece.length > 0) pending.push(piece);
          pendingBytes += piece.length;
          break;
        }
        const whole = pending.length === 0 ? piece : Buffer.concat([...pending, piece]);
        pending = [];
        pendingBytes = 0;
        start = end + 1;
        line(whole);
      }
      done();
    },
    flush(done) {
      if (!breached && pendingBytes > 0) line(Buffer.concat(pending));
      done();
    },
  });
  return guard;
}

/** Counts brackets outside of strings. A line with fewer bytes than levels allowed cannot be too deep. */
function tooDeep(raw: Buffer, maxDepth: number): boolean {
  if (raw.length < maxDepth) return false;
  let depth = 0;
  let inString = false;
  for (let at = 0; at < raw.length; at += 1) {
    const byte = raw[at];
    if (inString) {
      if (byte === 0x5c) at += 1;
      else if (byte === 0x22) inString = false;
    } else if (byte === 0x22) inString = true;
    else if (byte === 0x7b || byte === 0x5b) {
      depth += 1;
      if (depth > maxDepth) return true;
    } else if (byte === 0x7d || byte === 0x5d) depth -= 1;
  }
  return false;
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    // A JSON object has only its own keys, `__proto__` included, so it is safe to look into as a record.
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined; // counted by the caller as a stray line
  }
}

function oneLine(message: Record<string, unknown>): string {
  return JSON.stringify(message).replaceAll("\u2028", "\\u2028").replaceAll("\u2029", "\\u2029");
}
