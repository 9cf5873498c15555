/**
 * The transcript: the file in which the program writes a conversation down, entry by entry, and from
 * which it resumes. A transcript that was cut at the end of a line resumes without any error, so its length is
 * the only thing that tells. The file is the agent's: it is measured through the one safe way of opening.
 */
import { RejectedError } from "@bellhop/sdk";
import { z } from "zod";
import { openBeneath } from "../../core/open-beneath.ts";
import type { WrittenConversation } from "../../turns/engine.ts";

/** Below `~/.claude`: the program names the folder after its working directory. */
const FOLDER = "projects/-workspace-group";

const SessionName = z.uuid();

/** Bytes; undefined when there is no such transcript, or something else lies in its place. */
export async function measureTranscript({
  home,
  engineSession,
}: WrittenConversation): Promise<number | undefined> {
  const name = SessionName.safeParse(engineSession);
  if (!name.success) return undefined;
  try {
    await using file = await openBeneath(home, `${FOLDER}/${name.data}.jsonl`, { maxBytes: Infinity });
    return file.size;
  } catch (error) {
    if (error instanceof RejectedError) return undefined;
    throw error;
  }
}
