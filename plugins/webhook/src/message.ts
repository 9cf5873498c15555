/**
 * What a program posts, as a message: text as it is; JSON with a `text` as what it says; any other JSON as a block of
 * code, since many programs cannot choose what they send.
 */
import { type Inbound, type InboundFile, RejectedError } from "@bellhop/sdk";
import { Readable } from "node:stream";
import { z } from "zod";

const Id = z.string().min(1).max(256);

/** What we understand of it. `id` in the body serves those who cannot set headers. */
const Posted = z.looseObject({
  text: z.string().max(200_000),
  id: Id.optional(),
  /** One of several conversations that the program has with us. */
  chat: Id.regex(/^\S+$/, "is a word without spaces").default("main"),
  chat_title: z.string().max(200).optional(),
  /** Several people write in it: only what mentions us is answered there. */
  shared: z.boolean().default(false),
  mentions_us: z.boolean().default(false),
  sender: z
    .object({ id: Id, name: z.string().min(1).max(200).optional(), bot: z.boolean().optional() })
    .optional(),
  reply_to: Id.optional(),
  files: z
    .array(
      z.object({
        name: z.string().min(1).max(255),
        type: z.string().max(200).optional(),
        base64: z.base64(),
      }),
    )
    .max(20)
    .default([]),
});

const MOST_JSON = 100_000;
/** What of a file fits into a post of 1 MiB, in base64 and with the rest. */
export const MAX_FILE_BYTES = 700 * 1024;

/**
 * @param id of the event, where the request says one
 * @param fresh makes one where nobody does
 * @throws RejectedError with what is wrong with the body
 */
export function messageFrom(
  hook: { readonly name: string; readonly title?: string | undefined },
  { body, type, id, now }: { body: Uint8Array; type: string; id: string | undefined; now: number },
  fresh: () => string,
): Inbound {
  const posted = read(body, type);
  const platformId = id ?? posted.id ?? fresh();
  if (!Id.safeParse(platformId).success) throw new RejectedError("the id of the event is empty or too long");
  return {
    platformId,
    kind: "message",
    version: 0,
    chat: posted.chat,
    chatTitle: posted.chat_title ?? hook.title,
    direct: !posted.shared,
    // Whoever has the key may say for whom it speaks; that never makes an owner of them.
    sender: {
      id: posted.sender ? `${hook.name}/${posted.sender.id}` : hook.name,
      name: posted.sender?.name ?? posted.sender?.id ?? hook.title ?? hook.name,
      bot: posted.sender?.bot,
    },
    text: posted.text,
    mentionsUs: posted.mentions_us,
    replyTo: posted.reply_to,
    sentAt: now,
    files: posted.files.map(fileFrom),
  };
}

function read(body: Uint8Array, type: string): z.infer<typeof Posted> {
  const text = Buffer.from(body).toString("utf8");
  if (!/^application\/(?:json|[\w.+-]+\+json)\b/i.test(type)) {
    if (text.trim() === "") throw new RejectedError("there is nothing in the body");
    return Posted.parse({ text });
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new RejectedError("the body says that it is JSON, and is none", { cause });
  }
  if (typeof json === "object" && json !== null && "text" in json) {
    const posted = Posted.safeParse(json);
    if (posted.success) return posted.data;
    throw new RejectedError(`the body does not fit: ${z.prettifyError(posted.error)}`);
  }
  const whole = JSON.stringify(json, null, 2);
  const shown = whole.length <= MOST_JSON ? whole : `${whole.slice(0, MOST_JSON).toWellFormed()}\n…`;
  return Posted.parse({ text: `\`\`\`json\n${shown}\n\`\`\`` });
}

function fileFrom({ name, type, base64 }: z.infer<typeof Posted>["files"][number]): InboundFile {
  const content = Buffer.from(base64, "base64");
  return {
    name,
    type,
    bytes: content.length,
    async open() {
      if (content.length <= MAX_FILE_BYTES) return Readable.from([content]);
      throw new RejectedError(`the file is too large for a post: ${content.length} bytes`);
    },
  };
}
