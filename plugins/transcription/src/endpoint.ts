/** A service that speaks OpenAI's API for transcriptions; one request for each recording, and no second try. */
import { BellhopError, refusal, RejectedError, unanswered } from "@bellhop/sdk";
import { openAsBlob } from "node:fs";
import { extname } from "node:path";
import { z } from "zod";
import type { By } from "./settings.ts";
import { MOST_TEXT, type Transcribe } from "./transcriber.ts";

const WHO = "the transcription service";
const Answer = z.object({ text: z.string() });
/** JSON writes a character in six bytes at most. */
const MOST_ANSWER = MOST_TEXT * 6;

export function byEndpoint(
  { root, model, language, key }: Extract<By, { how: "endpoint" }>,
  fetch: typeof globalThis.fetch,
): Transcribe {
  return async (file, signal) => {
    const form = new FormData();
    form.set("file", await openAsBlob(file), `recording${extname(file)}`);
    form.set("model", model);
    form.set("response_format", "json");
    if (language !== undefined) form.set("language", language);
    try {
      const response = await fetch(`${root}/v1/audio/transcriptions`, {
        method: "POST",
        headers: key === undefined ? {} : { authorization: `Bearer ${key}` },
        body: form,
        redirect: "error", // the recording is for this address alone
        signal,
      });
      if (!response.ok) {
        await response.body?.cancel();
        throw refusal(response.status, WHO, response.headers.get("retry-after"));
      }
      return textOf(await bounded(response));
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof BellhopError) throw error;
      throw unanswered(error, WHO);
    }
  };
}

async function bounded(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > MOST_ANSWER) throw new RejectedError(`${WHO} answered more than any speech is`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function textOf(body: string): string {
  const answer = Answer.safeParse(jsonOf(body));
  // Not the parser's own words: they may quote the answer.
  if (!answer.success) throw new RejectedError(`${WHO} answered something that is no transcription`);
  return answer.data.text;
}

function jsonOf(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
