/**
 * A strict fake of the Graph API for one business number: what Meta refuses is refused here, in its own words. What goes
 * wrong on the way is the kit's (`openFakeServer`).
 */
import {
  type FakeAnswer,
  type FakeFailure,
  type FakeRequest,
  type FakeServer,
  openFakeServer,
  type PeerCall,
} from "@bellhop/sdk/testing";
import { createHmac } from "node:crypto";
import { z } from "zod";
import type { Template } from "../../src/settings.ts";
import { readStars } from "./stars.ts";
import { Reading, Sendable, STORED } from "./words.ts";
import { createWorld, type FakeMessage, type FakePerson, type World } from "./world.ts";

/** What stands in Meta's console. */
export const NUMBER = {
  phoneNumberId: "106540352242922",
  display: "+49 151 7654321",
  token: "EAAGm0PX4ZCpsBO-a-token-that-nobody-guesses",
  appSecret: "0123456789abcdef0123456789abcdef",
};
export const VERSION = "v25.0";
const DAY_MS = 24 * 60 * 60_000;

export interface FakeGraphOptions {
  /** Wall clock, ms. */
  readonly now?: () => number;
  /** The templates that were approved. */
  readonly templates?: readonly Template[];
}

export interface FakeGraph {
  readonly server: FakeServer;
  /** With the version. */
  readonly url: string;
  readonly world: World;
}

/** How Meta says no. */
class Refusal extends Error {
  readonly code: number;
  readonly status: number;
  constructor(code: number, details: string, status = 400) {
    super(details);
    this.code = code;
    this.status = status;
  }
}

export async function openFakeGraph({
  now = Date.now,
  templates = [],
}: FakeGraphOptions = {}): Promise<FakeGraph> {
  const world = createWorld(now);

  async function handle(request: FakeRequest): Promise<FakeAnswer> {
    try {
      return await answered(request);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return refused(error.code, error.message, error.status);
    }
  }

  async function answered(request: FakeRequest): Promise<FakeAnswer> {
    const { method, path, headers, query } = request;
    if (headers.authorization !== `Bearer ${NUMBER.token}`)
      throw new Refusal(190, "Invalid OAuth access token - Cannot parse access token", 401);
    const [, stored] = /^\/files\/(\d+)$/.exec(path) ?? [];
    if (stored !== undefined) {
      const file = world.files.get(stored);
      return file ? { body: file.content } : { status: 404, body: "Not Found" };
    }
    const proof = createHmac("sha256", NUMBER.appSecret).update(NUMBER.token).digest("hex");
    if (query.get("appsecret_proof") !== proof)
      throw new Refusal(100, "Invalid appsecret_proof provided in the API argument");
    const [, version, id = "", edge] = /^\/(v\d+\.\d)\/(\w+)(?:\/(\w+))?$/.exec(path) ?? [];
    if (version !== VERSION) throw new Refusal(2_500, "Unknown path components");
    if (method === "GET" && edge === undefined)
      return id === NUMBER.phoneNumberId ? profile() : placeOf(id, query);
    if (method !== "POST" || id !== NUMBER.phoneNumberId) throw missing(id);
    if (edge === "media") return await stores(request);
    if (edge === "messages") return sends(request);
    throw new Refusal(2_500, "Unknown path components");
  }

  function profile(): FakeAnswer {
    return {
      body: {
        id: NUMBER.phoneNumberId,
        display_phone_number: NUMBER.display,
        verified_name: "The Bell",
      },
    };
  }

  function placeOf(id: string, query: URLSearchParams): FakeAnswer {
    const file = world.files.get(id);
    if (!file || query.get("phone_number_id") !== NUMBER.phoneNumberId) throw missing(id);
    const { type, content } = file;
    return {
      body: {
        messaging_product: "whatsapp",
        id,
        url: `${server.url}/files/${id}`,
        mime_type: type,
        file_size: content.length,
      },
    };
  }

  async function stores(request: FakeRequest): Promise<FakeAnswer> {
    const form = await request.form();
    const [product, type, file] = [form.get("messaging_product"), form.get("type"), form.get("file")];
    if (
      product !== "whatsapp" ||
      typeof type !== "string" ||
      !(file instanceof File) ||
      [...form].length !== 3
    )
      throw new Refusal(100, "The parameters messaging_product, type and file are required.");
    const kind = STORED.find(({ types }) => types.test(type));
    if (!kind || file.type !== type)
      throw new Refusal(
        100,
        `Param file must be a file with one of the types that are supported, not ${type}.`,
      );
    if (file.size === 0 || file.size > kind.most) throw new Refusal(131_053, "Media file size too big.");
    const content = new Uint8Array(await file.arrayBuffer());
    return { body: { id: world.keep({ name: file.name, type, content }) } };
  }

  function sends(request: FakeRequest): FakeAnswer {
    const given = request.json();
    const reading = Reading.safeParse(given);
    if (reading.success) return reads(reading.data.message_id, reading.data.typing_indicator !== undefined);
    const parsed = Sendable.safeParse(given);
    if (!parsed.success) throw new Refusal(100, z.prettifyError(parsed.error));
    const message = parsed.data;
    const person = world.find(message);
    if (!person) throw new Refusal(131_026, "Message undeliverable.");
    if (message.type !== "template" && world.now() > person.wroteAt + DAY_MS)
      throw new Refusal(
        131_047,
        "More than 24 hours have passed since the customer last replied to this number.",
      );
    const id = place(message, person);
    return {
      applied: true,
      body: {
        messaging_product: "whatsapp",
        contacts: [{ input: message.to ?? message.recipient, wa_id: person.person.id }],
        messages: [{ id }],
      },
    };
  }

  function reads(id: string, typing: boolean): FakeAnswer {
    const holder = world.holder(id);
    if (!holder || holder.messages.find((one) => one.id === id)?.from === "us")
      throw new Refusal(131_009, "The message to be read is unknown.");
    if (typing) holder.typings += 1;
    return { applied: true, body: { success: true } };
  }

  /** @returns its id */
  function place(message: Sendable, to: FakePerson): string {
    const id = world.nextId();
    if (message.type === "reaction") {
      const { message_id, emoji } = message.reaction;
      const reacted = to.messages.find((one) => one.id === message_id);
      if (!reacted) throw new Refusal(131_009, "The message to react to is unknown.");
      reacted.reaction = emoji === "" ? undefined : emoji;
      return id;
    }
    const replyTo = message.context?.message_id;
    to.messages.push({ id, from: "us", type: message.type, ...shown(message), ...(replyTo && { replyTo }) });
    return id;
  }

  type Shown = Pick<FakeMessage, "text" | "file" | "buttons">;
  function shown(message: Exclude<Sendable, { type: "reaction" }>): Shown {
    switch (message.type) {
      case "text":
        return { text: readStars(message.text.body) };
      case "interactive": {
        const { body, action } = message.interactive;
        const choices =
          "buttons" in action
            ? action.buttons.map(({ reply }) => reply)
            : action.sections.flatMap(({ rows }) => rows);
        return {
          text: readStars(body.text),
          buttons: choices.map(({ id, title }) => ({ id, label: title })),
        };
      }
      case "image":
        return media("image", message.image.id, message.image.caption);
      case "video":
        return media("video", message.video.id, message.video.caption);
      case "audio":
        return media("audio", message.audio.id);
      case "document": {
        const { id, caption, filename } = message.document;
        const { text, file } = media("document", id, caption);
        return { text, file: file && { ...file, name: filename } };
      }
      case "template":
        return { text: filled(message.template) };
      default:
        return message satisfies never;
    }
  }

  function media(kind: string, id: string, caption = ""): Shown {
    const file = world.files.get(id);
    if (!file || !STORED.find((one) => one.kind === kind)?.types.test(file.type))
      throw new Refusal(131_053, `The media ${id} is none that can be shown as ${kind}.`);
    return { text: readStars(caption), file };
  }

  function filled({
    name,
    language,
    components,
  }: Extract<Sendable, { type: "template" }>["template"]): string {
    const known = templates.find((one) => one.name === name && one.language === language.code);
    if (!known) throw new Refusal(132_001, `template name (${name}) does not exist in ${language.code}`);
    const [parameter] = components[0].parameters;
    if (parameter.parameter_name !== known.variable)
      throw new Refusal(132_000, "number of localizable_params does not match the expected number of params");
    return `A word for you: ${parameter.text}`;
  }

  const server = await openFakeServer({ callOf, handle, failure });
  return { server, url: `${server.url}/${VERSION}`, world };
}

const KINDS = z.object({ type: z.string(), status: z.string() }).partial();

function callOf(request: FakeRequest): PeerCall | undefined {
  if (request.method === "GET") return request.path.endsWith(NUMBER.phoneNumberId) ? "listen" : undefined;
  if (!request.path.endsWith("/messages")) return undefined;
  const { type = "", status } = KINDS.safeParse(request.json()).data ?? {};
  if (status !== undefined) return "typing";
  if (type === "reaction") return "react";
  return ["image", "video", "audio", "document"].includes(type) ? "file" : "send";
}

function missing(id: string): Refusal {
  return new Refusal(
    100,
    `Object with ID '${id}' does not exist, or cannot be loaded for lack of permissions`,
  );
}

function refused(code: number, details: string, status = 400, headers = {}): FakeAnswer {
  return {
    status,
    headers,
    body: {
      error: {
        message: `(#${code}) refused`,
        type: "OAuthException",
        code,
        error_data: { messaging_product: "whatsapp", details },
        fbtrace_id: "AbCdEf123",
      },
    },
  };
}

function failure(fault: FakeFailure): FakeAnswer {
  switch (fault.how) {
    case "refuse":
      return refused(131_009, "The test says no.");
    case "unauthorised":
      return refused(190, "Error validating access token: Session has expired", 401);
    case "slow down":
      return refused(130_429, "Rate limit hit", 429, {
        "retry-after": String(Math.ceil(fault.retryAfterMs / 1_000)),
      });
    case "server error":
      return fault.status === 500
        ? refused(131_000, "Something went wrong", 500)
        : { status: fault.status, body: "<html><body>proxy</body></html>" };
    default:
      return fault satisfies never;
  }
}
