/**
 * What a plugin's module is: `export default definePlugin((context) => ({ … }))`. It is called once, in a
 * process of the plugin's own, whenever that starts. Only what the manifest declares is ever asked for.
 */
import type { AuthFlow } from "./auth.ts";
import type { Channel } from "./channel.ts";

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** What stands behind a message that a person sent, as hooks see it. */
export interface InboundEvent {
  readonly id: string;
  readonly chat: string;
  readonly group: string;
  readonly sender: { readonly id: string; readonly name: string; readonly role: string };
  readonly text: string;
  readonly nonText?: string | undefined;
  /** As in `Inbound`. */
  readonly forwarded?: string | undefined;
  readonly files: readonly {
    readonly id: string;
    readonly name: string;
    readonly type: string;
    readonly bytes: number;
  }[];
  readonly sentAt?: number | undefined;
  /** It will be answered; else it is context for a later answer. */
  readonly answered: boolean;
}

export type InboundVerdict = {
  /** What the agent reads instead of the text. */
  readonly text?: string;
  /** What the agent reads beside the text, marked as this plugin's. */
  readonly note?: string;
} & (
  | { readonly hold?: undefined; readonly drop?: undefined }
  /** Wait so long for `context.host.release(id)`, then go on as it is. At most an hour. */
  | { readonly hold: { readonly forMs: number; readonly reason: string }; readonly drop?: undefined }
  /** Nobody answers it. The reason is what `/why` says. */
  | { readonly drop: { readonly reason: string }; readonly hold?: undefined }
);

export interface OutboundEvent {
  readonly chat: string;
  readonly group: string | undefined;
  readonly kind: "text" | "file" | "notice";
  /** Of a file its caption. */
  readonly text: string;
}

export type OutboundVerdict = { readonly text: string } | { readonly suppress: { readonly reason: string } };

export interface TurnEvent {
  readonly turn: string;
  readonly group: string;
  readonly chat: string;
  readonly kind: "chat" | "task" | "background";
}
export interface TurnEndEvent extends TurnEvent {
  readonly outcome: "done" | "failed" | "cancelled";
  readonly durationMs: number;
}

/** Called in the order of the manifests' names. Undefined leaves everything as it is. */
export interface Hooks {
  onStartup?(): Promise<void> | void;
  onShutdown?(): Promise<void> | void;
  onInbound?(event: InboundEvent): Promise<InboundVerdict | undefined> | InboundVerdict | undefined;
  onOutbound?(event: OutboundEvent): Promise<OutboundVerdict | undefined> | OutboundVerdict | undefined;
  onTurnStart?(event: TurnEvent): Promise<void> | void;
  onTurnEnd?(event: TurnEndEvent): Promise<void> | void;
}

export interface ToolCall {
  readonly group: string;
  readonly chat: string;
  readonly turn: string;
  readonly signal: AbortSignal;
}

/** @throws BellhopError with a sentence for the agent */
export type ToolHandler = (input: Json, call: ToolCall) => Promise<string> | string;

/** A request below `/plugins/<name>/`. Whether it may be made is for the plugin to find out. */
export interface RouteRequest {
  readonly method: string;
  /** Below `/plugins/<name>`, with a leading slash, without the query. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Exactly the bytes that came, for signatures. At most 1 MiB. */
  readonly body: Uint8Array;
  /** Where it came from, as far as the host can tell. */
  readonly remote: string;
}
export interface RouteResponse {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: string | Uint8Array | undefined;
}

export interface CommandCall {
  readonly args: readonly string[];
  /** Shows a line to whoever runs it. */
  print(line: string): void;
  /** Asks them; `secret` is not echoed. */
  ask(text: string, options?: { readonly secret?: boolean }): Promise<string>;
  readonly signal: AbortSignal;
}

export interface PluginModule {
  /** One per account. Needs `channel: true`. */
  readonly channels?: readonly Channel[];
  /** Connects an account. The signal aborts when whoever connects it has gone. */
  readonly auth?: ((signal: AbortSignal) => AuthFlow) | undefined;
  readonly hooks?: Hooks | undefined;
  readonly tools?: Readonly<Record<string, ToolHandler>> | undefined;
  readonly routes?: ((request: RouteRequest) => Promise<RouteResponse> | RouteResponse) | undefined;
  /** Resolves with the exit code. */
  readonly commands?: Readonly<Record<string, (call: CommandCall) => Promise<number> | number>> | undefined;
}

export interface Logger {
  debug(text: string, fields?: Readonly<Record<string, Json>>): void;
  info(text: string, fields?: Readonly<Record<string, Json>>): void;
  warn(text: string, fields?: Readonly<Record<string, Json>>): void;
  error(text: string, fields?: Readonly<Record<string, Json>>): void;
}

/** Each needs the capability of the manifest that is named; RejectedError where it was not declared. */
export interface HostPowers {
  /** `events`. Resolves once it is on disk. The same `id` twice is one event. Who reads it is tainted. */
  event(event: {
    readonly id: string;
    readonly chat: string;
    readonly text: string;
    readonly sender?: string;
    /** Whether the agent answers it now; else it is context for the next answer. */
    readonly wakes: boolean;
  }): Promise<void>;
  /** `send`. Resolves once it is owed; the same `id` twice is one message. */
  send(message: { readonly id: string; readonly chat: string; readonly text: string }): Promise<void>;
  /** Ends the hold that this plugin's `onInbound` asked for. */
  release(id: string, verdict?: Pick<InboundVerdict, "text" | "note">): Promise<void>;
  /** Bytes of a file that an event named, as they are read. */
  file(id: string): Promise<AsyncIterable<Uint8Array>>;
  /** `status`. */
  status(): Promise<Json>;
  /** `status`. */
  channels(): Promise<Json>;
  /** `status`. */
  plugins(): Promise<Json>;
  /** `messages`: newest last, at most 100. */
  messages(of: { readonly chat: string; readonly limit?: number }): Promise<Json>;
  /** `chats`. */
  chats(): Promise<Json>;
  /** `chats`. */
  groups(): Promise<Json>;
  /** `tasks:read` and `tasks:write`; the fields of the API (docs/api.md). */
  readonly tasks: {
    list(group?: string): Promise<Json>;
    get(id: string): Promise<Json>;
    history(id: string): Promise<Json>;
    create(task: Json): Promise<Json>;
    update(id: string, change: Json): Promise<Json>;
    pause(id: string): Promise<Json>;
    resume(id: string): Promise<Json>;
    cancel(id: string): Promise<Json>;
  };
}

export interface PluginContext {
  readonly name: string;
  /** As the manifest's `settings` allow. */
  readonly settings: Json;
  /** The declared variables that have a value. */
  readonly environment: Readonly<Record<string, string>>;
  /** A folder of its own that is kept over updates. */
  readonly folder: string;
  readonly log: Logger;
  /** `state`. Values of at most 64 KiB, 1,000 keys. */
  readonly state: {
    get(key: string): Promise<Json | undefined>;
    set(key: string, value: Json): Promise<void>;
    delete(key: string): Promise<void>;
    keys(prefix?: string): Promise<readonly string[]>;
  };
  readonly host: HostPowers;
  /** Aborts when the process is to end. */
  readonly signal: AbortSignal;
}

export type MakePlugin = (context: PluginContext) => PluginModule | Promise<PluginModule>;

/** Gives the types; returns what it is given. */
export function definePlugin(make: MakePlugin): MakePlugin {
  return make;
}
