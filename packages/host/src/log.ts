/**
 * The log: one JSON object a line in `logs/bellhop.log`, for the operator.
 *
 * - No secret that the host knows reaches the file, whatever field or error message it came in with.
 * - It cannot fill the disk: past `maxBytes` the file is set aside, and only `keep` old ones remain.
 * - Logging never throws. Lines that the disk refused are counted, and the next line says how many.
 */
import pino from "pino";
import { closeSync, existsSync, fstatSync, openSync, renameSync, writeSync } from "node:fs";
import type { KnownSecrets } from "./core/known-secrets.ts";

type LogLevel = "debug" | "info" | "warn" | "error";

/** What the parts take. Fields are for machines, the message is for people; an error goes in `err`. */
export interface Log {
  debug: LogLine;
  info: LogLine;
  warn: LogLine;
  error: LogLine;
  /** The same log with these fields on every line. */
  with(fields: LogFields): Log;
}
type LogFields = Readonly<Record<string, unknown>>;
interface LogLine {
  (message: string): void;
  (fields: LogFields, message: string): void;
}

export interface LogOptions {
  readonly file: string;
  readonly level: LogLevel;
  /** What must never be written. */
  readonly secrets: KnownSecrets;
  /** @default 8 MiB */
  readonly maxBytes?: number;
  /** Old files kept beside it, `bellhop.log.1` the newest. @default 3 */
  readonly keep?: number;
}

export interface OpenLog {
  readonly log: Log;
  readonly close: () => void;
}

/** @throws the file system's own error when the file cannot be opened at all */
export function openLog({ file, level, secrets, maxBytes = 8 * 1024 * 1024, keep = 3 }: LogOptions): OpenLog {
  const destination = rotatingFile(file, maxBytes, keep);
  const logger = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: pino.stdSerializers.errWithCause },
    },
    { write: (line: string) => destination.write(secrets.hide(line)) },
  );
  return { log: wrap(logger), close: () => destination.close() };
}

/** Says nothing. For tests. */
export const silentLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  with: () => silentLog,
};

function wrap(logger: pino.Logger): Log {
  const line = (level: LogLevel): LogLine => {
    return (first: string | LogFields, message?: string) => {
      if (typeof first === "string") logger[level](first);
      else logger[level](first, message);
    };
  };
  return {
    debug: line("debug"),
    info: line("info"),
    warn: line("warn"),
    error: line("error"),
    with: (fields) => wrap(logger.child(fields)),
  };
}

function rotatingFile(file: string, maxBytes: number, keep: number) {
  let { fd, bytes } = open();
  let lost = 0;
  let closed = false;

  function open() {
    const fd = openSync(file, "a", 0o600);
    return { fd, bytes: fstatSync(fd).size };
  }

  /** Leaves the old file in use when it fails: a number of a closed file may soon be another's. */
  function rotate() {
    for (let age = keep; age > 0; age--) {
      const newer = age === 1 ? file : `${file}.${age - 1}`;
      if (existsSync(newer)) renameSync(newer, `${file}.${age}`);
    }
    const next = open();
    closeSync(fd);
    ({ fd, bytes } = next);
  }

  return {
    write(line: string): void {
      if (closed) return;
      try {
        if (bytes >= maxBytes) rotate();
        const note =
          lost > 0 ? `${JSON.stringify({ level: "warn", lost, msg: "lines could not be written" })}\n` : "";
        bytes += writeSync(fd, note + line);
        lost = 0;
      } catch {
        lost += 1; // a full disk must not stop the part that only wanted to say so; told above
      }
    },
    close(): void {
      if (closed) return;
      closed = true;
      closeSync(fd);
    },
  };
}
