/**
 * A held message whose recordings wait to be transcribed, as it is kept in the plugin's state: a process that dies
 * leaves it there, and the next one goes on with it.
 */
import type { InboundEvent, PluginContext } from "@bellhop/sdk";
import { z } from "zod";
import { endingOf } from "./audio.ts";

const Recording = z.object({
  id: z.string(),
  name: z.string(),
  bytes: z.number(),
  /** Of its name, with the dot. */
  ending: z.string(),
});
export type Recording = z.infer<typeof Recording>;

const Job = z.object({
  /** Of the message. */
  id: z.string(),
  /** What the sender wrote beside the recordings. */
  caption: z.string(),
  recordings: z.array(Recording),
  /** How often it was begun. */
  tries: z.number(),
});
export type Job = Readonly<z.infer<typeof Job>>;

/** With the names of files it stays below the 64 KiB that a value of the state may have. */
export const MOST_CAPTION = 12_000;
const PREFIX = "waiting:";

/** Undefined where the message has no recording. */
export function jobOf({ id, text, files }: InboundEvent): Job | undefined {
  const recordings = files.flatMap((file) => {
    const ending = endingOf(file);
    return ending === undefined
      ? []
      : [{ id: file.id, name: file.name.slice(0, 200), bytes: file.bytes, ending }];
  });
  return recordings.length === 0 ? undefined : { id, caption: text, recordings, tries: 0 };
}

export function keepJobs(state: PluginContext["state"]) {
  return {
    keep: (job: Job): Promise<void> => state.set(PREFIX + job.id, { ...job }),
    forget: (id: string): Promise<void> => state.delete(PREFIX + id),

    /** What an earlier process left; what cannot be read of it is dropped. */
    async left(): Promise<readonly Job[]> {
      const jobs: Job[] = [];
      for (const key of await state.keys(PREFIX)) {
        const job = Job.safeParse(await state.get(key));
        if (job.success) jobs.push(job.data);
        else await state.delete(key);
      }
      return jobs;
    },
  };
}
