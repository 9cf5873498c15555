/** What an authorization server is made of, by HTTP: forms in, JSON out, errors as RFC 6749, 5.2 has them. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

export class Refusal extends Error {
  readonly status: number;
  constructor(code: string, status = 400) {
    super(code);
    this.status = status;
  }
}

/** Given in place of an answer; with `cut` the connection ends instead. */
export interface Instead {
  readonly status: number;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  readonly cut?: boolean;
}

export interface FormServerOptions {
  /** @throws Refusal */
  answerTo(path: string, form: URLSearchParams): object;
  insteadOf(path: string): Instead | undefined;
}

export async function openFormServer({ answerTo, insteadOf }: FormServerOptions) {
  function answered(request: IncomingMessage, path: string, form: URLSearchParams): object {
    const type = request.headers["content-type"];
    if (request.method !== "POST" || !type?.startsWith("application/x-www-form-urlencoded"))
      throw new Refusal("invalid_request");
    if (new Set(form.keys()).size < form.size) throw new Refusal("invalid_request"); // RFC 6749, 3.2
    return answerTo(path, form);
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const form = new URLSearchParams(await text(request));
    const path = new URL(request.url ?? "", "http://here").pathname;
    const instead = insteadOf(path);
    if (instead?.cut) return void response.destroy();
    if (instead)
      return void response.writeHead(instead.status, instead.headers).end(instead.body ?? "<html>");
    try {
      answer(response, 200, answered(request, path, form));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      // Words that repeat what was sent, as those of some servers do.
      const words = `No: ${form.get("refresh_token") ?? form.get("code") ?? form.get("device_code") ?? "see there"}`;
      answer(response, error.status, { error: error.message, error_description: words });
    }
  }

  const server = createServer((request, response) => void serve(request, response)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo; // it listens on TCP
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** @throws Refusal it is missing */
export function must(form: URLSearchParams, name: string): string {
  const value = form.get(name);
  if (!value) throw new Refusal("invalid_request");
  return value;
}

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store" });
  response.end(JSON.stringify(body));
}
