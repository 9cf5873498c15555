/**
 * What the clients sent and what was acknowledged, line by line on disk, written before anything is
 * believed: the other side of the story, which no fault of the host's can touch.
 */
import { appendFileSync, readFileSync } from "node:fs";
import { z } from "zod";
import { ChatId, InboxId } from "../../packages/host/src/core/ids.ts";
import type { Sent } from "../verdict.ts";

const Line = z.discriminatedUnion("what", [
  /** About to be sent, maybe more than once, always under this id. */
  z.object({
    what: z.literal("sending"),
    id: z.string(),
    chat: ChatId,
    text: z.string(),
    answer: z.string(),
  }),
  z.object({ what: z.literal("acked"), id: z.string(), message: InboxId }),
]);
type Line = z.infer<typeof Line>;

export interface Journal {
  write(line: Line): void;
  /** Everything that was sent, in the order in which it was. */
  read(): Sent[];
}

export function createJournal(file: string): Journal {
  return {
    write: (line) => appendFileSync(file, `${JSON.stringify(line)}\n`),
    read() {
      const lines = readFileSync(file, "utf8").trimEnd().split("\n").filter(Boolean);
      const sent = new Map<string, Sent>();
      for (const line of lines.map((one) => Line.parse(JSON.parse(one)))) {
        if (line.what === "sending") sent.set(line.id, { ...line, message: undefined });
        const known = sent.get(line.id);
        if (line.what === "acked" && known) sent.set(line.id, { ...known, message: line.message });
      }
      return [...sent.values()];
    },
  };
}
