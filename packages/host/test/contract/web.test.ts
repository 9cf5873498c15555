/** The contract suite on the web chat: the HTTP API of a real host, with a token, and the page's own rendering. */
import { TemporaryError } from "@bellhop/sdk";
import { channelContract } from "@bellhop/sdk/testing";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { afterAll, describe, it } from "vitest";
import { readServerSentEvents } from "../../src/cli/sse.ts";
import { ChatEvent, SharedFile } from "../../src/core/events.ts";
import type { ChatId } from "../../src/core/ids.ts";
import { renderMarkdown } from "../../src/http/markdown.ts";
import { createDesk, type Door } from "./desk-peer.ts";
import type { ContractHostHere } from "./host.ts";

async function overHttp({ door }: ContractHostHere): Promise<Door> {
  const { url, token } = await door();

  async function call(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    headers.set("authorization", `Bearer ${token}`);
    const response = await fetch(`${url}/api/v1${path}`, { ...init, headers });
    if (!response.ok) throw new TemporaryError(`${path}: ${response.status} ${await response.text()}`);
    return response;
  }

  /** Its body, read as it comes. */
  function bodyOf({ body }: Response): Readable {
    return body ? Readable.from(body) : Readable.from([]);
  }

  const chatPath = (chat: ChatId) => `/chats/${encodeURIComponent(chat)}`;
  return {
    send: async (chat, message) =>
      await call(`${chatPath(chat)}/messages`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(message),
      }),
    async upload(chat, { name, content }) {
      const path = `${chatPath(chat)}/files?name=${encodeURIComponent(name)}`;
      const response = await call(path, { method: "POST", body: await text(content) });
      return SharedFile.parse(await response.json());
    },
    download: async (file) => bodyOf(await call(`/files/${file}`)),
    async *events(chat, { after, signal }) {
      const response = await call(`${chatPath(chat)}/events?after=${after}`, { signal });
      const pieces = bodyOf(response).setEncoding("utf8");
      for await (const { data } of readServerSentEvents(pieces)) yield ChatEvent.parse(JSON.parse(data));
    },
  };
}

const ENTITIES: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"' };

/** What stands on the page, without its tags. */
function read(commonmark: string): string {
  return renderMarkdown(commonmark)
    .replaceAll(/<[^>]*>/g, " ")
    .replaceAll(/&(lt|gt|amp|quot);/g, (entity, name: string) => ENTITIES[name] ?? entity)
    .trim();
}

const { open, openHost } = createDesk({ name: "web", doorTo: overHttp, read });

channelContract({ describe, it, afterAll }, "web", open, openHost);
