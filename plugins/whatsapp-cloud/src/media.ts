/**
 * Files, both ways. What people sent is asked for by its id, which holds for a week; what is sent is stored at Meta
 * first, where nobody sees it: until the message that names it, nothing has been done (G14).
 *
 * Meta stores only the types that it knows. What has another goes as a document under its own name, and is declared
 * as plain text, which says nothing of what is in it. So does a picture or film that is too large for one.
 */
import { formOf, type OutboundFile, RejectedError, repeatable, uploadMs } from "@bellhop/sdk";
import type { Readable } from "node:stream";
import { z } from "zod";
import type { Graph } from "./graph.ts";

const MiB = 1024 * 1024;
export const MOST_FILE_BYTES = 100 * MiB;
const UPLOAD_MS = 60_000;

export type Kind = "image" | "video" | "audio" | "document";

/** What is shown as more than a file, and up to which size. */
const SHOWN: Readonly<Record<Exclude<Kind, "document">, { types: RegExp; most: number }>> = {
  image: { types: /^image\/(?:jpeg|png)$/, most: 5 * MiB },
  video: { types: /^video\/(?:mp4|3gpp)$/, most: 16 * MiB },
  audio: { types: /^audio\/(?:aac|amr|mpeg|mp4|ogg)$/, most: 16 * MiB },
};
const DOCUMENTS =
  /^(?:text\/plain|application\/(?:pdf|msword|vnd\.ms-(?:excel|powerpoint)|vnd\.openxmlformats-officedocument\.(?:wordprocessingml\.document|spreadsheetml\.sheet|presentationml\.presentation)))$/;

const Stored = z.object({ id: z.string().min(1) });
const Place = z.object({ url: z.url(), file_size: z.coerce.number().optional() });

/** An audio has no caption: with one, it is a document. */
export function kindOf({ type, bytes }: OutboundFile, caption: string): Kind {
  const [essence = ""] = type.split(";");
  const fits = (kind: keyof typeof SHOWN) => SHOWN[kind].types.test(essence) && bytes <= SHOWN[kind].most;
  if (fits("image")) return "image";
  if (fits("video")) return "video";
  return fits("audio") && caption === "" ? "audio" : "document";
}

/**
 * @returns its id, for one message
 * @throws TemporaryError it is not stored, or nobody knows
 * @throws RejectedError it never will be
 */
export async function store(
  graph: Pick<Graph, "call" | "phoneNumberId">,
  file: OutboundFile,
  kind: Kind,
  signal: AbortSignal,
): Promise<string> {
  const [essence = ""] = file.type.split(";");
  const type = kind !== "document" || DOCUMENTS.test(essence) ? essence : "text/plain";
  const form = formOf({
    fields: [
      { name: "messaging_product", value: "whatsapp" },
      { name: "type", value: type },
    ],
    file: { name: "file", content: file, type },
  });
  const path = `${graph.phoneNumberId}/media`;
  const ms = UPLOAD_MS + uploadMs(file.bytes);
  const { id } = await graph
    .call({ what: "a file", path, form, answer: Stored, ms }, signal)
    .catch((error: unknown) => {
      throw repeatable(error);
    });
  return id;
}

/** Throws as `InboundFile.open` does. */
export async function fetchFile(graph: Graph, id: string, signal: AbortSignal): Promise<Readable> {
  const place = await graph
    .call(
      {
        what: "a file",
        path: encodeURIComponent(id),
        query: { phone_number_id: graph.phoneNumberId },
        answer: Place,
      },
      signal,
    )
    .catch((error: unknown) => {
      throw repeatable(error);
    });
  if ((place.file_size ?? 0) > MOST_FILE_BYTES)
    throw new RejectedError("WhatsApp hands out files of at most 100 MB");
  return await graph.download(place.url, signal);
}
