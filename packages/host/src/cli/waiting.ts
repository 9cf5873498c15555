/**
 * What a host that drains waits for, for the person who waits for it: on a terminal as a line that is
 * kept up to date, elsewhere said once.
 */
import { clearLine, cursorTo } from "node:readline";
import type { Status } from "../core/status.ts";
import { plain } from "./plain.ts";
import type { Io } from "./io.ts";
import type { Screen } from "./screen.ts";
import { ago, count } from "./status.ts";

export interface Waiting {
  close(): void;
}

interface WaitingOptions {
  readonly host: { status(): Promise<Status> };
  readonly screen: Screen;
  /** Somebody watches stdout; else it is said on stderr. */
  readonly live: boolean;
  readonly io: Io;
}

/** The line counts seconds. */
const FRESH_MS = 1_000;

export function showWaiting({ host, screen, live, io }: WaitingOptions): Waiting {
  const { stdout, stderr, clock } = io;
  let closed = false;
  let line = "";
  let cancel = () => {};

  function draw() {
    // A terminal that nobody gave a size says 0.
    stdout.write(line.slice(0, (stdout.columns || 80) - 1));
  }
  function erase() {
    cursorTo(stdout, 0);
    clearLine(stdout, 0);
  }

  async function look(): Promise<void> {
    const text = describeWaiting(await host.status(), clock.now());
    if (closed) return;
    if (!live) {
      if (text !== "") stderr.write(`${text}\n`);
      return;
    }
    line = text;
    screen.setLast(line === "" ? undefined : { draw, erase, busy: () => false });
    cancel = clock.after(FRESH_MS, begin);
  }
  function begin() {
    look().catch((error: unknown) => {
      // The host may close under the question; its own end says what there is to say.
      if (!closed) stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    });
  }

  begin();
  return {
    close() {
      closed = true;
      cancel();
      if (live) screen.setLast(undefined);
    },
  };
}

/** One line; empty when nothing is waited for. `now` in ms since 1970. */
export function describeWaiting({ turns, outbox }: Status, now: number): string {
  if (turns.length > 0) {
    const each = turns.map(({ chat, startedAt }) => `${chat}, ${ago(now - startedAt)}`).join("; ");
    return plain(`Stopping; ${count(turns.length, "live turn")} left (${each}). Ctrl-C again ends it now.`);
  }
  return outbox.open > 0 ? `Stopping; ${count(outbox.open, "message")} to deliver.` : "";
}
