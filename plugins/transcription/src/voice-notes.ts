/**
 * Messages with recordings wait here until these are text, one recording at a time.
 *
 * - A message is never lost: whatever goes wrong, it goes on as it was, with a note that says why.
 * - It is on disk before it is held. A process that ends in the middle leaves it to the next one, which begins
 *   again; a recording in which three processes died is given up.
 * - A hold is no longer than what is in line can take, and an hour at most, which is the host's own bound.
 * - A recording is a file of its own, readable by nobody else, for as long as it is being transcribed.
 */
import {
  BellhopError,
  type InboundEvent,
  type InboundVerdict,
  type PluginContext,
  RejectedError,
} from "@bellhop/sdk";
import { mkdir, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { isFilm, WEBM } from "./audio.ts";
import { type Job, jobOf, keepJobs, MOST_CAPTION, type Recording } from "./job.ts";
import type { Plan } from "./settings.ts";
import { MOST_TEXT, type Transcribe } from "./transcriber.ts";
import { notTranscribed, type Outcome, verdictOf } from "./words.ts";

export interface VoiceNotesParts extends Pick<PluginContext, "folder" | "state" | "log" | "signal"> {
  readonly host: Pick<PluginContext["host"], "release" | "file">;
  readonly plan: Pick<Plan, "answeredOnly" | "maxBytes" | "timeoutMs">;
  readonly transcribe: Transcribe;
  readonly randomId: () => string;
}

/** Messages; a person who sends more than that at once will not wait for them all. */
const MOST_WAITING = 50;
const MOST_TRIES = 3;
const LONGEST_HOLD_MS = 60 * 60_000;
/** For what is not transcribing: fetching the file, writing down, a restart. */
const SLACK_MS = 60_000;

export function createVoiceNotes(parts: VoiceNotesParts) {
  const { plan, host, log, signal, transcribe } = parts;
  const jobs = keepJobs(parts.state);
  const folder = join(parts.folder, "recordings");
  /** In line or under way, by the message. */
  const waiting = new Map<string, Job>();
  let line: Promise<void> = Promise.resolve();

  /** One that is in line already was edited meanwhile, and keeps its place. */
  function enqueue(job: Job): void {
    const inLine = waiting.has(job.id);
    waiting.set(job.id, job);
    if (!inLine) line = after(line, job);
  }

  async function after(before: Promise<void>, job: Job): Promise<void> {
    await before;
    if (signal.aborted) return; // for the next process
    await serve(waiting.get(job.id) ?? job);
    waiting.delete(job.id);
  }

  /** Never rejects: the line goes on. */
  async function serve(job: Job): Promise<void> {
    try {
      const outcomes = job.tries < MOST_TRIES ? await outcomesOf(job) : givenUp(job);
      if (signal.aborted) return;
      const { caption } = waiting.get(job.id) ?? job; // as it reads by now
      await release(job, verdictOf(caption, outcomes));
      await jobs.forget(job.id);
    } catch (error) {
      if (signal.aborted) return;
      log.error("a voice note's message could not be let go; it goes on by itself when its hold is over", {
        message: job.id,
        why: error instanceof BellhopError ? error.message : String(error),
      });
    }
  }

  async function outcomesOf(job: Job): Promise<readonly Outcome[]> {
    await jobs.keep({ ...job, tries: job.tries + 1 });
    const outcomes: Outcome[] = [];
    for (const of of job.recordings) {
      const outcome = await outcomeOf(of);
      if (outcome) outcomes.push({ of, ...outcome });
    }
    return outcomes;
  }

  /** Undefined: it is no recording after all. */
  async function outcomeOf(recording: Recording): Promise<{ text: string } | { why: string } | undefined> {
    const mayBeFilm = recording.ending === WEBM;
    if (recording.bytes > plan.maxBytes)
      return mayBeFilm ? undefined : { why: `it is larger than ${megabytes(plan.maxBytes)} MB` };
    const file = join(folder, `${parts.randomId()}${recording.ending}`);
    const late = AbortSignal.timeout(plan.timeoutMs);
    const over = AbortSignal.any([late, signal]);
    try {
      await save(recording, file);
      if (mayBeFilm && (await isFilm(file))) return undefined;
      over.throwIfAborted();
      const said = plain(await transcribe(file, over));
      return said === "" ? { why: "nothing could be heard in it" } : { text: said };
    } catch (error) {
      if (late.aborted) return { why: `it took longer than ${plan.timeoutMs / 1_000} seconds` };
      const known = error instanceof BellhopError;
      if (!signal.aborted)
        log.warn("a voice note could not be transcribed", {
          why: known ? error.message : error instanceof Error ? error.name : "unknown",
        });
      return { why: known ? error.message : "its transcriber failed" };
    } finally {
      await rm(file, { force: true });
    }
  }

  async function save(recording: Recording, file: string): Promise<void> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await using handle = await open(file, "wx", 0o600);
    let bytes = 0;
    for await (const chunk of await host.file(recording.id)) {
      bytes += chunk.length;
      if (bytes > plan.maxBytes) throw new RejectedError("it is larger than it was said to be");
      await handle.writeFile(chunk);
    }
  }

  async function release(job: Job, verdict: ReturnType<typeof verdictOf>): Promise<void> {
    try {
      await host.release(job.id, verdict);
    } catch (error) {
      if (!(error instanceof RejectedError)) throw error;
      // Its hold was over, or it was deleted or edited: it is not ours any more.
      log.info("a voice note's message had gone on before it was transcribed", { message: job.id });
    }
  }

  return {
    /** Goes on with what an earlier process left. */
    async onStartup(): Promise<void> {
      await rm(folder, { recursive: true, force: true });
      for (const job of await jobs.left()) if (!waiting.has(job.id)) enqueue(job);
    },

    async onInbound(event: InboundEvent): Promise<InboundVerdict | undefined> {
      const job = event.answered || !plan.answeredOnly ? jobOf(event) : undefined;
      if (!job) return undefined;
      if (job.caption.length > MOST_CAPTION)
        return { note: notTranscribed("the text beside it is too long to be kept with it") };
      if (waiting.size >= MOST_WAITING)
        return { note: notTranscribed(`${MOST_WAITING} others are waiting already`) };
      await jobs.keep(job);
      const ahead = [...waiting.values(), job].reduce((sum, one) => sum + one.recordings.length, 0);
      enqueue(job);
      const forMs = Math.min(ahead * plan.timeoutMs + SLACK_MS, LONGEST_HOLD_MS);
      return { hold: { forMs, reason: "its voice note is being transcribed" } };
    },

    /** Resolves once nothing is in line. */
    idle: (): Promise<void> => line,
  };
}

const givenUp = ({ recordings }: Job): readonly Outcome[] =>
  recordings.map((of) => ({ of, why: `its transcriber ended in the middle ${MOST_TRIES} times` }));

const megabytes = (bytes: number): number => Math.round((bytes / 1024 / 1024) * 10) / 10;

/** Without what no speech has: control characters, and blanks around it. */
function plain(said: string): string {
  const text = said.toWellFormed().replaceAll(/[^\P{Cc}\n\t]/gu, "");
  return text.trim().slice(0, MOST_TEXT).toWellFormed();
}
