/** The fake as the contract suite wants it: people who write on it, and what they see. */
import { type Channel, createWire, type Logger, type RouteRequest, type RouteResponse } from "@bellhop/sdk";
import type { ChannelPeer, PeerChat, PeerMessage } from "@bellhop/sdk/testing";
import { setTimeout as pause } from "node:timers/promises";
import { createNumber } from "../../src/number.ts";
import { openPeople } from "../../src/people.ts";
import { createWebhook } from "../../src/webhook.ts";
import { type FakeGraph, NUMBER, openFakeGraph } from "./graph-api.ts";
import { contactOf, notice, posted, senderOf } from "./notices.ts";
import type { FakeMessage, FakePerson } from "./world.ts";

export const QUIET: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/** How long the adapter waits for an answer here. */
const PATIENCE_MS = 1_500;
/** Before what was not taken is posted again. */
const AGAIN_MS = 20;

/** Where a notification is posted to. */
export type Post = (request: RouteRequest) => Promise<Pick<RouteResponse, "status">>;

export async function openWhatsAppPeer(): Promise<ChannelPeer> {
  const graph = await openFakeGraph();
  const { server, world } = graph;
  // As the plugin's folder, it is there again after a restart.
  const people = openPeople(":memory:");
  const hosts: Post[] = [];
  const wire = createWire();

  const meta = createMeta(graph, async (request) => {
    // Whoever listens for the account is told, as where two programs share one address.
    const said = await Promise.all(hosts.map((host) => host(request)));
    return said.find(({ status }) => status !== 503) ?? { status: 503 };
  });

  function connect(): Channel {
    const number = createNumber({
      account: "",
      credentials: NUMBER,
      graphUrl: graph.url,
      wire,
      callMs: PATIENCE_MS,
      people: people.of(""),
      template: undefined,
      readReceipts: true,
      now: Date.now,
      log: QUIET,
    });
    hosts.push(createWebhook([{ account: "", ...NUMBER, verifyToken: "v", take: number.take }], QUIET));
    return number.channel;
  }

  return {
    connect,
    patienceMs: PATIENCE_MS,
    direct(person) {
      const opened = world.open(person);
      people.of("").heard(person.id, opened.userId, opened.wroteAt);
      return meta.chat(opened);
    },
    fault(call, fault) {
      // Meta calls us, and comes again until it is heard: nothing else can go wrong there.
      return call === "listen" ? meta.fault(fault.how, fault.calls ?? 1) : server.fault(call, fault);
    },
    applied: server.journal.applied,
    asked: server.journal.asked,
    cut: server.cut,
    async mend() {
      meta.mend();
      await server.mend();
    },
    changed: server.changes.changed,
    async close() {
      meta.close();
      people.close();
      wire.close();
      await server.close();
    },
  };
}

/** Meta as it tells us what people do: one notification after the other, each until it is taken. */
export function createMeta({ world, server }: FakeGraph, post: Post) {
  let line: Promise<unknown> = Promise.resolve();
  let doubles = 0;
  let reorders = 0;
  let held: object | undefined;
  const over = new AbortController();

  function tell(body: object): void {
    if (reorders > 0 && !held) {
      reorders -= 1;
      held = body;
      return;
    }
    const bodies = [body, ...(doubles > 0 ? [body] : []), ...(held ? [held] : [])];
    if (doubles > 0) doubles -= 1;
    held = undefined;
    line = deliverAfter(line, bodies);
    line.catch((error: unknown) => {
      throw error; // a notification that is refused is a broken test
    });
  }

  async function deliverAfter(before: Promise<unknown>, bodies: readonly object[]): Promise<void> {
    await before;
    for (const one of bodies) await deliver(one);
  }

  async function deliver(body: object): Promise<void> {
    while (!over.signal.aborted) {
      const { status } = await post(posted(body));
      server.changes.note();
      if (status === 200) return;
      if (status === 401) throw new Error("a notification of Meta's was taken for a forged one");
      await pause(AGAIN_MS);
    }
  }

  function write(by: FakePerson, message: object): string {
    const id = world.nextId();
    by.wroteAt = world.now();
    const timestamp = String(Math.floor(by.wroteAt / 1_000));
    tell(notice({ contacts: [contactOf(by)], messages: [{ ...senderOf(by), id, timestamp, ...message }] }));
    return id;
  }

  function chat(with_: FakePerson): PeerChat {
    const context = (id: string) => ({ from: NUMBER.display.replace(/\D/g, ""), id });
    const find = (id: string): FakeMessage => {
      const message = with_.messages.find((one) => one.id === id);
      if (!message) throw new Error(`there is no message ${id}`);
      return message;
    };
    return {
      id: with_.person.id,

      async says(person, text, { replyTo, file } = {}) {
        const content = file
          ? { type: "document", document: documentOf(file, text) }
          : { type: "text", text: { body: text } };
        const id = write(with_, { ...content, ...(replyTo !== undefined && { context: context(replyTo) }) });
        with_.messages.push({ id, from: person, type: content.type, text, replyTo, file });
        return id;
      },
      async forwards(person, text) {
        const id = write(with_, { type: "text", text: { body: text }, context: { forwarded: true } });
        with_.messages.push({ id, from: person, type: "text", text });
        return id;
      },
      async edits(_person, platformId, text) {
        const message = find(platformId);
        message.text = text;
        const edited = { type: "text", text: { body: text } };
        write(with_, { type: "edit", edit: { original_message_id: platformId, message: edited } });
      },
      async deletes(_person, platformId) {
        write(with_, { type: "revoke", revoke: { original_message_id: platformId } });
      },
      async reacts(_person, platformId, emoji) {
        const reaction = { message_id: platformId, ...(emoji === "" ? {} : { emoji }) };
        write(with_, { type: "reaction", reaction });
      },
      async presses(_person, platformId, button) {
        const pressed = find(platformId).buttons?.find(({ id }) => id === button);
        if (!pressed) throw new Error("there is no such button");
        const button_reply = { id: pressed.id, title: pressed.label };
        write(with_, {
          type: "interactive",
          context: context(platformId),
          interactive: { type: "button_reply", button_reply },
        });
      },
      messages: () => with_.messages.map(seen),
      typings: () => with_.typings,
    };
  }

  function documentOf(file: { name: string; type: string; content: Uint8Array }, caption: string): object {
    const id = world.keep(file);
    return { id, filename: file.name, mime_type: file.type, ...(caption === "" ? {} : { caption }) };
  }

  return {
    chat,
    /** Somebody sent what `PeerChat` has no word for; its fields by Meta's reference. */
    says(by: FakePerson, message: { readonly type: string; readonly [field: string]: unknown }): void {
      const id = write(by, message);
      by.messages.push({ id, from: by.person, type: message.type, text: "" });
    },
    fault(how: string, calls: number): boolean {
      if (how === "duplicate") doubles += calls;
      if (how === "reorder") reorders += calls;
      return how === "duplicate" || how === "reorder";
    },
    mend() {
      doubles = 0;
      reorders = 0;
    },
    close: () => over.abort(),
  };
}

function seen({ id, from, text, replyTo, file, buttons, reaction }: FakeMessage): PeerMessage {
  return { platformId: id, from: from === "us" ? "us" : from.id, text, replyTo, file, buttons, reaction };
}
