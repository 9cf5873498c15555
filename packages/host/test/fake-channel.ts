/**
 * A messaging platform in memory, strict as the real ones are, with people who write on it and switches
 * for what goes wrong between us and it.
 *
 * - `platform.channel` is what the host is given; everything else is the platform's own side, which no
 *   host code sees: people, and the journal of what the platform was really asked and really did.
 * - Strict: what a real platform refuses is refused here (a text too long, a chat or a message that it
 *   does not know, an ability that it does not have, two who listen at once), so that a test fails where
 *   a real account would.
 * - The cursor is the number of updates that were taken. Whoever listens from an older one is given
 *   the updates again, as after a crash.
 */
import {
  type Accept,
  type Button,
  type Channel,
  type ChannelAbilities,
  ConfigError,
  type Inbound,
  type InboundFile,
  type Outbound,
  RejectedError,
  type Sent,
  TemporaryError,
  UnknownOutcomeError,
} from "@bellhop/sdk";
import { once } from "node:events";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";

export interface Person {
  /** As the platform knows them. The host's `SenderId` is `NAME-OF-THE-CHANNEL:id`. */
  readonly id: string;
  readonly name: string;
  readonly bot?: boolean;
}

/** What a call is answered with instead of with what it did. */
export type Fault =
  /** 4xx: never. Not applied. */
  | { readonly how: "refuse" }
  /** No connection: not applied, try again. */
  | { readonly how: "unreachable" }
  /** Too many calls: not applied, and told when to come back. */
  | { readonly how: "slow down"; readonly retryAfterMs: number }
  /** The answer is lost on the way; it `applied` or not, and the caller cannot know. */
  | { readonly how: "time out"; readonly applied: boolean }
  /** The account is not ours any more. Not applied. */
  | { readonly how: "logged out" }
  /** No answer until the caller gives up. Applied. */
  | { readonly how: "hang" };

export type Call = "send" | "edit" | "typing" | "find" | "listen";

/** One call of the host's, in the order in which they came. */
export interface Entry {
  readonly call: Call;
  readonly chat?: string;
  readonly key?: string;
  readonly platformId?: string;
  /** The text, or the emoji of a reaction, or the caption of a file. */
  readonly text?: string;
  /** Whether the platform changed anything by it. A copy that it recognised changes nothing. */
  readonly applied: boolean;
  readonly fault?: Fault["how"];
}

/** A message as people in the chat see it now. */
export interface Shown {
  readonly platformId: string;
  /** `us`: sent by the host. */
  readonly from: Person | "us";
  readonly key?: string | undefined;
  readonly text: string;
  /** Each text that it had, the present one last. */
  readonly versions: readonly string[];
  readonly replyTo?: string | undefined;
  readonly sender?: string | undefined;
  readonly file?: { readonly name: string; readonly type: string; readonly content: Buffer } | undefined;
  readonly buttons?: readonly Button[] | undefined;
  /** The assistant's own. */
  readonly reaction?: string | undefined;
}

/** What a person adds to a text. */
export interface Also {
  readonly replyTo?: string;
  readonly quote?: string;
  readonly mentionsUs?: boolean;
  readonly nonText?: string;
  readonly forwarded?: string;
  readonly files?: readonly InboundFile[];
}

export interface FakeChat {
  /** Native id: the host's address is `NAME:id`, or `NAME/ACCOUNT:id`. */
  readonly id: string;
  /** @returns the platform's id of the message */
  says(person: Person, text: string, also?: Also): string;
  /** The owner writes by the assistant's own account. */
  types(text: string): string;
  edits(platformId: string, text: string, also?: Pick<Also, "mentionsUs">): void;
  deletes(platformId: string): void;
  /** An empty emoji takes the reaction away. */
  reacts(person: Person, platformId: string, emoji: string): void;
  /** Presses the button of that label below the newest message that has one. @returns its id */
  presses(person: Person, label: string): string;
  /** Gives back what was pressed, as a message of long ago still may. */
  pressesId(person: Person, button: string): void;
  /** Begins a thread: a chat of its own. */
  thread(id: string): FakeChat;
  /** What people see in it, oldest first. */
  shown(): readonly Shown[];
  /** The texts that the host sent and that still stand. */
  ours(): readonly string[];
  /** Resolves with the first message that fits, now or as soon as there is one. */
  shows(fits: (message: Shown) => boolean): Promise<Shown>;
}

export interface FakePlatformOptions {
  readonly name?: string;
  readonly account?: string;
  readonly abilities?: Partial<ChannelAbilities>;
  /** What we send comes back as an update from our own account, as on platforms that share one. */
  readonly echoes?: boolean;
}

export type FakePlatform = ReturnType<typeof fakePlatform>;

const EVERYTHING: ChannelAbilities = {
  maxTextLength: 4096,
  lengthUnit: "utf16",
  resend: { how: "twice" },
  reactions: true,
  quotes: true,
  edits: true,
  typingMs: 5_000,
  maxFileBytes: 10 * 1024 * 1024,
};

const US: Person = { id: "us", name: "The account of the assistant" };

export function fakePlatform(options: FakePlatformOptions = {}) {
  const { name = "fake", account = "", echoes = false } = options;
  const abilities: ChannelAbilities = { ...EVERYTHING, ...options.abilities };
  const chats = new Map<
    string,
    { title?: string; direct: boolean; threadOf?: string; messages: Map<string, Shown> }
  >();
  /** Everything people did, as the platform hands it out. */
  const updates: Inbound[] = [];
  /** Which message a key was used for, where the platform looks at keys. */
  const byKey = new Map<string, string>();
  const journal: Entry[] = [];
  const faults = new Map<Call, Fault[]>();
  let nextId = 1;
  let taken = 0;
  let listener: ((error: Error) => void) | undefined;
  let watchers: (() => void)[] = [];

  function changed(): void {
    const woken = watchers;
    watchers = [];
    for (const wake of woken) wake();
  }

  function chatOf(id: string) {
    const chat = chats.get(id);
    if (!chat) throw new RejectedError(`${name}: there is no chat ${id}`);
    return chat;
  }

  function messageOf(chat: string, platformId: string): Shown {
    const message = chatOf(chat).messages.get(platformId);
    if (!message) throw new RejectedError(`${name}: there is no message ${platformId} in ${chat}`);
    return message;
  }

  function put(chat: string, message: Shown): void {
    chatOf(chat).messages.set(message.platformId, message);
    changed();
  }

  function lengthOf(text: string): number {
    switch (abilities.lengthUnit) {
      case "utf16":
        return text.length;
      case "codepoints":
        return Array.from(text).length;
      case "bytes":
        return Buffer.byteLength(text);
      default:
        return abilities.lengthUnit satisfies never;
    }
  }

  function checkText(text: string, mayBeEmpty = false): void {
    if (lengthOf(text) > abilities.maxTextLength) throw new RejectedError(`${name}: the text is too long`);
    if (!mayBeEmpty && text.trim() === "") throw new RejectedError(`${name}: the text is empty`);
    if (!text.isWellFormed()) throw new RejectedError(`${name}: the text holds half a character`);
  }

  function publish(inbound: Inbound): void {
    updates.push(inbound);
    changed();
  }

  /** Runs a call under the next fault set for it, and writes down what became of it. */
  async function served<T extends Sent | undefined>(
    entry: Pick<Entry, "call" | "chat" | "key" | "platformId" | "text">,
    signal: AbortSignal,
    apply: () => Promise<{ result: T; applied: boolean }>,
  ): Promise<T> {
    signal.throwIfAborted();
    const fault = faults.get(entry.call)?.shift();
    if (fault && !mayApply(fault)) {
      journal.push({ ...entry, applied: false, fault: fault.how });
      changed();
      throw errorOf(name, fault);
    }
    const { result, applied } = await apply();
    const id = result?.platformId;
    journal.push({
      ...entry,
      ...(id === undefined ? {} : { platformId: id }),
      applied,
      ...(fault ? { fault: fault.how } : {}),
    });
    changed();
    if (fault?.how === "hang") await aborted(signal);
    if (fault) throw errorOf(name, fault);
    return result;
  }

  async function show(outbound: Outbound): Promise<{ result: Sent; applied: boolean }> {
    chatOf(outbound.chat);
    if (outbound.kind === "reaction") {
      if (!abilities.reactions) throw new RejectedError(`${name}: there are no reactions`);
      const reaction = outbound.emoji === "" ? undefined : outbound.emoji;
      put(outbound.chat, { ...messageOf(outbound.chat, outbound.to), reaction });
      return { result: { platformId: outbound.key }, applied: true };
    }
    const known = abilities.resend.how === "once" ? byKey.get(outbound.key) : undefined;
    if (known !== undefined) return { result: { platformId: known }, applied: false };
    checkText(outbound.text, outbound.kind === "file");
    if (outbound.replyTo !== undefined) {
      if (!abilities.quotes) throw new RejectedError(`${name}: a message cannot quote another`);
      messageOf(outbound.chat, outbound.replyTo);
    }
    const buttons = outbound.kind === "text" ? outbound.buttons : undefined;
    if (buttons && buttons.length > (abilities.buttons?.most ?? 0))
      throw new RejectedError(`${name}: so many buttons are not shown`);
    if (buttons?.some(({ id, label }) => !/^[\w-]{1,32}$/.test(id) || label.length > 20))
      throw new RejectedError(`${name}: a button does not fit`);
    const file = outbound.kind === "file" ? await fileOf(outbound) : undefined;
    const platformId = `p${nextId++}`;
    byKey.set(outbound.key, platformId);
    put(outbound.chat, {
      platformId,
      from: "us",
      key: outbound.key,
      text: outbound.text,
      versions: [outbound.text],
      replyTo: outbound.replyTo,
      sender: outbound.kind === "text" ? outbound.sender : undefined,
      buttons,
      file,
    });
    if (echoes) publish({ ...inboundOf(outbound.chat, { ...US, self: true }, outbound.text), platformId });
    return { result: { platformId }, applied: true };
  }

  async function fileOf({ file }: Extract<Outbound, { kind: "file" }>) {
    if (abilities.maxFileBytes === undefined) throw new RejectedError(`${name}: there are no files`);
    const content = await buffer(file.open());
    if (content.length > abilities.maxFileBytes) throw new RejectedError(`${name}: the file is too large`);
    return { name: file.name, type: file.type, content };
  }

  function inboundOf(chat: string, sender: Inbound["sender"], text: string): Inbound {
    const { title, direct, threadOf } = chatOf(chat);
    const where = { chat, chatTitle: title, direct, threadOf };
    return { platformId: "", kind: "message", version: 0, ...where, sender, text };
  }

  async function listen(cursor: string | undefined, accept: Accept, signal: AbortSignal): Promise<void> {
    const fault = faults.get("listen")?.shift();
    journal.push({ call: "listen", applied: fault === undefined, ...(fault ? { fault: fault.how } : {}) });
    if (fault) throw errorOf(name, fault);
    if (listener) throw new ConfigError(`${name}: somebody else listens for this account already`);
    const cut = Promise.withResolvers<never>();
    listener = cut.reject;
    const ended = cut.promise;
    ended.catch(() => undefined); // where nobody waits for it just now
    const stop = () => cut.reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    try {
      for (let at = Number(cursor ?? 0); ;) {
        signal.throwIfAborted();
        const update = updates[at];
        if (update) {
          at += 1;
          await Promise.race([accept(update, String(at)), ended]);
          taken = Math.max(taken, at);
          changed();
        } else await Promise.race([change(), ended]);
      }
    } finally {
      signal.removeEventListener("abort", stop);
      listener = undefined;
    }
  }

  function change(): Promise<void> {
    return new Promise((resolve) => {
      watchers.push(resolve);
    });
  }

  async function until<T>(look: () => T | undefined): Promise<T> {
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      await change();
    }
  }

  const channel: Channel = {
    name,
    account,
    abilities,
    listen,
    send: (outbound, signal) =>
      served(
        {
          call: "send",
          chat: outbound.chat,
          key: outbound.key,
          text: outbound.kind === "reaction" ? outbound.emoji : outbound.text,
        },
        signal,
        () => show(outbound),
      ),
    ...(abilities.edits && {
      edit: ({ chat, platformId, text }, signal) =>
        served({ call: "edit", chat, platformId, text }, signal, async () => {
          checkText(text);
          const message = messageOf(chat, platformId);
          if (message.from !== "us") throw new RejectedError(`${name}: ${platformId} is not ours to edit`);
          const changes = message.text !== text || message.buttons !== undefined;
          if (changes)
            put(chat, { ...message, text, buttons: undefined, versions: [...message.versions, text] });
          return { result: undefined, applied: changes };
        }),
    }),
    ...(abilities.typingMs !== undefined && {
      typing: (chat, signal) =>
        served({ call: "typing", chat }, signal, async () => {
          chatOf(chat);
          return { result: undefined, applied: true };
        }),
    }),
    ...(abilities.resend.how === "lookup" && {
      find: ({ chat, key }, signal) =>
        served({ call: "find", chat, key }, signal, async () => {
          const platformId = byKey.get(key);
          return { result: platformId === undefined ? undefined : { platformId }, applied: false };
        }),
    }),
  };

  function open(
    id: string,
    place: { readonly title?: string; readonly direct: boolean; readonly threadOf?: string },
  ): FakeChat {
    chats.set(id, { ...place, messages: new Map() });
    const press = (person: Person, button: string, replyTo?: string) =>
      publish({
        ...inboundOf(id, person, ""),
        platformId: `e${nextId++}`,
        kind: "button",
        button,
        replyTo,
      });
    return {
      id,
      says(person, text, also = {}) {
        const platformId = `p${nextId++}`;
        put(id, { platformId, from: person, text, versions: [text], replyTo: also.replyTo });
        publish({ ...inboundOf(id, person, text), ...also, platformId });
        return platformId;
      },
      types(text) {
        const platformId = `p${nextId++}`;
        put(id, { platformId, from: US, text, versions: [text] });
        publish({ ...inboundOf(id, { ...US, self: true }, text), platformId });
        return platformId;
      },
      edits(platformId, text, also = {}) {
        const message = messageOf(id, platformId);
        if (message.from === "us") throw new Error("people cannot edit what the host sent");
        const versions = [...message.versions, text];
        put(id, { ...message, text, versions });
        publish({
          ...inboundOf(id, message.from, text),
          ...also,
          platformId,
          kind: "edit",
          version: versions.length - 1,
        });
      },
      deletes(platformId) {
        const { from, versions } = messageOf(id, platformId);
        chatOf(id).messages.delete(platformId);
        const sender = from === "us" ? { ...US, self: true } : from;
        publish({ ...inboundOf(id, sender, ""), platformId, kind: "delete", version: versions.length });
      },
      reacts(person, replyTo, emoji) {
        messageOf(id, replyTo);
        publish({ ...inboundOf(id, person, emoji), platformId: `e${nextId++}`, kind: "reaction", replyTo });
      },
      presses(person, label) {
        const found = [...chatOf(id).messages.values()]
          .toReversed()
          .flatMap(({ platformId, buttons = [] }) =>
            buttons.flatMap((button) => (button.label === label ? { platformId, id: button.id } : [])),
          )[0];
        if (!found) throw new Error(`no button reads ${label} in ${id}`);
        press(person, found.id, found.platformId);
        return found.id;
      },
      pressesId: (person, button) => press(person, button),
      thread: (native) => open(`${id}:${native}`, { direct: place.direct, threadOf: id }),
      shown: () => [...chatOf(id).messages.values()],
      ours: () => [...chatOf(id).messages.values()].flatMap(({ from, text }) => (from === "us" ? text : [])),
      shows: (fits) => until(() => [...chatOf(id).messages.values()].find(fits)),
    };
  }

  return {
    channel,
    /** Every call of the host's, with what the platform did. */
    journal: journal as readonly Entry[],
    /** A conversation of several people. */
    group: (id: string, title?: string) =>
      open(id, { ...(title === undefined ? {} : { title }), direct: false }),
    /** A conversation of one person with the assistant alone. */
    direct: (id: string) => open(id, { direct: true }),
    /** The next `times` calls of that kind go wrong so. */
    fail(call: Call, fault: Fault, times = 1): void {
      faults.set(call, [...(faults.get(call) ?? []), ...Array.from({ length: times }, () => fault)]);
    },
    /** Cuts the connection of whoever listens; they may listen again at once. */
    disconnect(error: Error = new TemporaryError(`${name}: the connection is gone`)): void {
      listener?.(error);
    },
    /** All faults are over, those too that were not used up. */
    mend(): void {
      faults.clear();
    },
    get listening(): boolean {
      return listener !== undefined;
    },
    /** Resolves once the host has taken all that people did so far. */
    taken: async (): Promise<void> => {
      const all = updates.length;
      await until(() => (taken >= all ? true : undefined));
    },
    /** Resolves with what `look` finds, now or after something has changed. */
    until,
    /** Resolves with the next change. */
    changed: change,
  };
}

/** A file that somebody sends. */
export function fakeFile(
  name: string,
  content: string | Buffer,
  more: Partial<InboundFile> = {},
): InboundFile {
  return { name, bytes: Buffer.byteLength(content), open: async () => Readable.from([content]), ...more };
}

function mayApply(fault: Fault): boolean {
  return fault.how === "hang" || (fault.how === "time out" && fault.applied);
}

function errorOf(name: string, fault: Fault): Error {
  switch (fault.how) {
    case "refuse":
      return new RejectedError(`${name}: 400 no`);
    case "unreachable":
      return new TemporaryError(`${name}: no connection`);
    case "slow down":
      return new TemporaryError(`${name}: 429 slow down`, { retryAfterMs: fault.retryAfterMs });
    case "time out":
    case "hang":
      return new UnknownOutcomeError(`${name}: no answer`);
    case "logged out":
      return new ConfigError(`${name}: 401 log in again`);
    default:
      return fault satisfies never;
  }
}

/** Rejects once the signal aborts. */
async function aborted(signal: AbortSignal): Promise<never> {
  if (!signal.aborted) await once(signal, "abort");
  signal.throwIfAborted();
  throw new Error("an event said abort, and the signal does not");
}
