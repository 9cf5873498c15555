/**
 * The programs on the other side of our hooks: they post, and post again until they are told that it was taken, as
 * programs that send webhooks do; and they are posted to, strictly: what is not signed, or has another form, is refused.
 */
import type { Channel, RouteRequest } from "@bellhop/sdk";
import { plainText } from "@bellhop/sdk/plain-text";
import {
  type ChannelPeer,
  type FakeAnswer,
  type FakeRequest,
  openFakeServer,
  type PeerChat,
  type PeerMessage,
} from "@bellhop/sdk/testing";
import { z } from "zod";
import { prove, sign } from "../src/keys.ts";
import { Settings, type Webhook, webhook } from "../src/webhook.ts";

const HOOK = "friends";
const PATIENCE_MS = 300;
const AGAIN_MS = 20;

const common = { id: z.string().min(1), chat: z.string().min(1) };
const Answer = z.discriminatedUnion("kind", [
  z.strictObject({
    ...common,
    kind: z.literal("text"),
    text: z
      .string()
      .min(1)
      .refine((text) => Buffer.byteLength(text) <= 64 * 1024),
    sender: z.string().optional(),
    reply_to: z.string().optional(),
  }),
  z.strictObject({
    ...common,
    kind: z.literal("file"),
    text: z.string(),
    reply_to: z.string().optional(),
    file: z.strictObject({ name: z.string(), type: z.string(), base64: z.base64() }),
  }),
  z.strictObject({ ...common, kind: z.literal("reaction"), reply_to: z.string(), emoji: z.string() }),
]);

export async function openWebhookPeer(): Promise<ChannelPeer> {
  const chats = new Map<string, { readonly chat: PeerChat; messages: PeerMessage[] }>();
  /** What a program that keeps its word about `idempotent` remembers. */
  const taken = new Set<string>();
  /** All that were connected; whatever is posted reaches those that listen. */
  const hosts: Webhook[] = [];
  let ids = 0;
  let doubles = 0;
  const over = new AbortController();
  /** One thing is said after the other, whatever conversation it is of. */
  let line: Promise<unknown> = Promise.resolve();

  const server = await openFakeServer({
    callOf: ({ body }) => callOf(body),
    handle: answered,
    failure({ how, ...fault }): FakeAnswer {
      if ("retryAfterMs" in fault) {
        return { status: 429, headers: { "retry-after": String(fault.retryAfterMs / 1_000) }, body: "" };
      }
      return { status: "status" in fault ? fault.status : how === "unauthorised" ? 401 : 400, body: "" };
    },
  });

  function make(): Webhook {
    return webhook({
      secret: "s".repeat(32),
      settings: Settings.parse({
        hooks: { [HOOK]: { replyUrl: `${server.url}/answers`, idempotent: true } },
      }),
      fetch: globalThis.fetch,
      now: Date.now,
      randomId: () => `fresh-${++ids}`,
      patienceMs: PATIENCE_MS,
    });
  }
  const { key } = make().show(HOOK);

  function answered(request: FakeRequest): FakeAnswer {
    const headers = Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
    );
    if (!prove(key, headers, request.body, Date.now()).ok) return { status: 401, body: "" };
    const parsed = Answer.safeParse(request.json());
    if (!parsed.success) return { status: 400, body: z.prettifyError(parsed.error) };
    const answer = parsed.data;
    const there = chats.get(answer.chat);
    if (!there || headers["webhook-id"] !== answer.id) return { status: 404, body: "" };
    if (taken.has(answer.id)) return { body: { id: answer.id } };
    taken.add(answer.id);
    if (answer.kind === "reaction") {
      const { reply_to, emoji } = answer;
      const reaction = emoji === "" ? undefined : emoji;
      there.messages = there.messages.map((one) =>
        one.platformId === reply_to ? { ...one, reaction } : one,
      );
    } else {
      const { id, text, reply_to } = answer;
      const file =
        answer.kind === "file"
          ? { name: answer.file.name, content: Buffer.from(answer.file.base64, "base64") }
          : undefined;
      there.messages.push({ platformId: id, from: "us", text: plainText(text), replyTo: reply_to, file });
    }
    return { body: { id: answer.id }, applied: true };
  }

  /** Until it is taken: a program that is told 503, or nothing, comes again. */
  async function post(id: string, body: object): Promise<void> {
    const bytes = Buffer.from(JSON.stringify(body));
    const times = doubles > 0 ? 2 : 1;
    doubles -= times - 1;
    for (let time = 0; time < times; time += 1) {
      while (!over.signal.aborted) {
        const request: RouteRequest = {
          method: "POST",
          path: `/${HOOK}`,
          query: {},
          headers: { "content-type": "application/json", ...sign(key, id, bytes, Date.now()) },
          body: bytes,
          remote: "127.0.0.1",
        };
        const said = await Promise.all(hosts.map((host) => host.route(request)));
        if (said.some(({ status }) => status === 202)) break;
        const refused = said.find(({ status }) => status !== 503);
        if (refused) throw new Error(`${refused.status}: ${String(refused.body)}`);
        await new Promise((resolve) => {
          setTimeout(resolve, AGAIN_MS);
        });
      }
    }
    server.changes.note();
  }

  function chatNamed(id: string, about: object): PeerChat {
    const known = chats.get(id);
    if (known) return known.chat;
    const chat: PeerChat = {
      id,
      messages: () => chats.get(id)?.messages ?? [],
      async says(person, text, { replyTo, mentionsUs = false, file } = {}) {
        const platformId = `event-${++ids}`;
        const files = file && [
          { name: file.name, type: file.type, base64: Buffer.from(file.content).toString("base64") },
        ];
        chats.get(id)?.messages.push({ platformId, from: person.id, text, replyTo });
        const sender = { id: person.id, name: person.name, bot: person.bot };
        const body = { text, chat: id, ...about, sender, reply_to: replyTo, mentions_us: mentionsUs, files };
        line = line.then(() => post(platformId, body));
        line.catch((error: unknown) => {
          throw error; // a program that is refused is a broken test
        });
        return platformId;
      },
    };
    chats.set(id, { chat, messages: [] });
    return chat;
  }

  return {
    connect(): Channel {
      const host = make();
      hosts.push(host);
      const [channel] = host.channels;
      if (!channel) throw new Error("there is no hook");
      return channel;
    },
    patienceMs: PATIENCE_MS,
    idOf: ({ id }) => `${HOOK}/${id}`,
    direct: ({ id }) => chatNamed(id, {}),
    group: (title) =>
      chatNamed(title.toLowerCase().replaceAll(" ", "-"), { chat_title: title, shared: true }),
    fault(call, fault) {
      if (call === "listen") {
        // It is we who are called there, and a program that is not heard comes again.
        if (fault.how === "duplicate") doubles += fault.calls ?? 1;
        return fault.how === "duplicate";
      }
      return server.fault(call, fault);
    },
    applied: server.journal.applied,
    asked: server.journal.asked,
    cut: server.cut,
    async mend() {
      doubles = 0;
      await server.mend();
    },
    changed: server.changes.changed,
    async close() {
      over.abort();
      await server.close();
    },
  };
}

function callOf(body: Buffer): "send" | "file" | "react" {
  const parsed = z.object({ kind: z.string() }).safeParse(JSON.parse(body.toString("utf8")));
  if (parsed.data?.kind === "file") return "file";
  return parsed.data?.kind === "reaction" ? "react" : "send";
}
