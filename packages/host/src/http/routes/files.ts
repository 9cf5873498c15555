/**
 * Files: handed over as they are (`POST /api/v1/chats/{chat}/files`), read back (`GET /api/v1/files/{id}`).
 *
 * - Both ways they are streamed. What is too large is refused before its last byte came.
 * - What people and agents send is shown as what it is by its content, and by a browser only where that
 *   cannot run anything: pictures. Everything else is for saving, and nothing of it may load or run.
 */
import { Readable } from "node:stream";
import { RejectedError } from "@bellhop/sdk";
import { Hono } from "hono";
import { chatAddress, MAIN } from "../../core/ids.ts";
import type { HttpChats, HttpMedia } from "../host.ts";
import { requireScope, type HttpEnv } from "../identity.ts";
import { parseInput, ProblemError } from "../problem.ts";
import type { SharedFile } from "../../core/events.ts";
import { FilePath, FileQuery } from "../schemas.ts";
import { SHOWN } from "../shown.ts";
import { chatParam, findChat, OWN_CHANNELS } from "./chats.ts";

export interface FileRoutesDeps {
  readonly chats: HttpChats;
  readonly media: HttpMedia;
}

const NOTHING_RUNS = "default-src 'none'; sandbox";
/** The content of an id never changes. */
const KEPT = "private, max-age=31536000, immutable";

export function createFileRoutes({ chats, media }: FileRoutesDeps) {
  const app = new Hono<HttpEnv>();

  app.post("/chats/:chat/files", requireScope("chat"), async (c) => {
    const chat = chatParam(c);
    const { name } = parseInput(FileQuery, c.req.query());
    const { channel, account } = chatAddress(chat);
    if (!OWN_CHANNELS.has(channel) || account !== "") await findChat(chats, chat);
    if (Number(c.req.header("content-length") ?? 0) > media.fileBytes) tooLarge(media.fileBytes);
    const { group_id: groupId } = await chats.ensure(chat, MAIN);
    const file = await received({ groupId, name }, bodyOf(c.req.raw));
    const { id, type, bytes, state } = file;
    return c.json({ id, name: file.name, type, bytes, state } satisfies SharedFile, 201);
  });

  app.get("/files/:file", requireScope("read"), async (c) => {
    const { file: id } = parseInput(FilePath, c.req.param());
    const found = await media.content(id);
    if (!found) throw new ProblemError("not_found", `There is no file ${id}.`);
    const { name, type, bytes } = found.file;
    const shown = SHOWN.has(type);
    // Hono's own type for a body is the browser's stream.
    return c.body(Readable.toWeb(found.open()) as globalThis.ReadableStream<Uint8Array>, 200, {
      "Content-Type": type === "text/plain" ? "text/plain; charset=utf-8" : type,
      "Content-Length": String(bytes),
      "Content-Disposition": disposition(shown ? "inline" : "attachment", name),
      "Cache-Control": KEPT,
      "Content-Security-Policy": NOTHING_RUNS,
    });
  });

  async function received(file: { groupId: number; name: string }, body: AsyncIterable<unknown>) {
    try {
      return await media.receive(file, body);
    } catch (error) {
      if (error instanceof RejectedError)
        throw new ProblemError("too_large", `${sentence(error.message)}.`, { cause: error });
      throw error;
    }
  }

  return app;
}

function bodyOf({ body }: Request): AsyncIterable<unknown> {
  if (!body) return Readable.from([]);
  return Readable.fromWeb(body);
}

function tooLarge(bytes: number): never {
  throw new ProblemError("too_large", `A file may have ${Math.floor(bytes / 1_048_576)} MiB at most.`);
}

const sentence = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

/** RFC 6266: the name in ASCII for old readers, and as it is. */
function disposition(how: "inline" | "attachment", name: string): string {
  const plain = name.replaceAll(/[^\x20-\x7e]|["\\%]/g, "_");
  const encoded = encodeURIComponent(name).replaceAll(
    /['()*]/g,
    (one) => `%${one.charCodeAt(0).toString(16)}`,
  );
  return `${how}; filename="${plain}"; filename*=UTF-8''${encoded}`;
}
