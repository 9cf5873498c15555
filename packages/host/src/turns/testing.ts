/**
 * The parts around a turn, for tests: an engine, a sandbox runtime and a broker that keep their
 * contracts (engine.ts, sandbox.ts, broker.ts) and do in memory what the test says. Strict: an engine
 * that is misused throws, so that a mistake of ours is not taken for an answer.
 */
import type { InboxId, TurnId } from "../core/ids.ts";
import type { Broker, Door, DoorSpec } from "./broker.ts";
import type { AgentEngine, EngineEvent, EngineFailure, EngineOpen, EngineSession, Prompt } from "./engine.ts";
import type { PreparedSandbox, SandboxRuntime } from "./sandbox.ts";

/** One life of the scripted program. */
export interface ScriptedSession {
  readonly opened: EngineOpen;
  /** What it was given and did not refuse, in order. */
  readonly prompts: readonly Prompt[];
  readonly closed: boolean;
  /** From a prompt that began an answer to its `done`. */
  readonly answering: boolean;
  /** As if the program had said these. A `done` ends the answer; a failure in it ends the session. */
  emit(...events: readonly EngineEvent[]): void;
  /** A whole answer: takes in what it was given, says the text, and is done. */
  answer(text: string, position?: string): void;
  fail(failure: EngineFailure): void;
  /** The program dies. */
  die(detail: string): void;
}

export interface ScriptedEngine extends AgentEngine {
  readonly sessions: readonly ScriptedSession[];
  /** The one that was opened last. */
  readonly latest: ScriptedSession;
}

export interface EngineScript {
  readonly steers?: boolean;
  /** Called for each prompt; by default it waits for the test to say something. */
  readonly onPrompt?: (session: ScriptedSession, prompt: Prompt) => void;
  /** Whether its program says that it is up. */
  readonly comesUp?: () => boolean;
  /** Whether it stops when it is asked to. */
  readonly stops?: boolean;
  /** How long its program takes to end; by default no time. */
  readonly ends?: () => Promise<void>;
  /** The program's name of the conversation; by default the resumed one, or a new one each time. */
  readonly nameOf?: (open: EngineOpen, count: number) => string;
  /** How long its record of a conversation is. */
  readonly measure?: AgentEngine["measure"];
}

export function scriptedEngine(script: EngineScript = {}): ScriptedEngine {
  const {
    steers = true,
    onPrompt,
    comesUp = () => true,
    stops = true,
    ends = async () => undefined,
  } = script;
  const nameOf = script.nameOf ?? ((open, count) => open.resume?.engineSession ?? `conversation-${count}`);
  const sessions: ScriptedSession[] = [];
  return {
    name: "claude",
    steers,
    takes: [],
    mounts: [],
    ...(script.measure && { measure: script.measure }),
    sessions,
    get latest() {
      const last = sessions.at(-1);
      if (!last) throw new Error("no engine was opened yet");
      return last;
    },
    open(options) {
      const { session, scripted } = openScripted(options, {
        steers,
        onPrompt,
        comesUp,
        stops,
        ends,
        name: nameOf(options, sessions.length + 1),
      });
      sessions.push(scripted);
      return session;
    },
  };
}

interface Life {
  readonly steers: boolean;
  readonly onPrompt: EngineScript["onPrompt"] | undefined;
  readonly comesUp: () => boolean;
  readonly stops: boolean;
  readonly ends: () => Promise<void>;
  /** Its name of the conversation. */
  readonly name: string;
}

function openScripted(
  opened: EngineOpen,
  { steers, onPrompt, comesUp, stops, ends, name }: Life,
): { session: EngineSession; scripted: ScriptedSession } {
  const prompts: Prompt[] = [];
  const consumed = new Set<InboxId>();
  const queue: EngineEvent[] = [];
  let wake = (): void => undefined;
  let closed = false;
  let answering = false;
  let iterated = false;

  function push(event: EngineEvent): void {
    if (closed) throw new Error(`the engine says ${event.type} after it has closed`);
    if (event.type === "closed") closed = true;
    queue.push(event);
    wake();
  }

  function end(failure?: EngineFailure): void {
    if (closed) return;
    answering = false;
    push({ type: "closed", ...(failure && { failure }) });
  }

  function emit(...events: readonly EngineEvent[]): void {
    for (const event of events) {
      if (event.type === "consumed") for (const id of event.prompts) consumed.add(id);
      if (event.type === "background" && event.ended !== undefined) answering = true;
      if (event.type === "done") answering = event.carried.length > 0;
      push(event);
      if (event.type === "done" && event.failure) end();
    }
  }

  async function* read(): AsyncGenerator<EngineEvent, void> {
    if (iterated) throw new Error("the events of an engine are iterated once");
    iterated = true;
    for (;;) {
      const event = queue.shift();
      if (event) {
        yield event;
        if (event.type === "closed") return;
      } else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  }

  const scripted: ScriptedSession = {
    opened,
    prompts,
    get closed() {
      return closed;
    },
    get answering() {
      return answering;
    },
    emit,
    answer(text, position) {
      const fresh = prompts.map(({ id }) => id).filter((id) => !consumed.has(id));
      emit(
        { type: "consumed", prompts: fresh },
        { type: "delta", text },
        { type: "reply", text },
        ...(position === undefined ? [] : [{ type: "position", position } as const]),
        { type: "done", carried: [] },
      );
    },
    fail: (failure) => emit({ type: "done", failure, carried: [] }),
    die: (detail) => end({ class: "crashed", detail }),
  };

  async function start(): Promise<void> {
    try {
      await opened.sandbox;
    } catch (error) {
      return end({ class: "transient", detail: String(error) });
    }
    if (!closed && comesUp()) push({ type: "ready", engineSession: name });
  }
  void start();

  return {
    scripted,
    session: {
      events: read(),
      prompt(prompt, onlySteer = false) {
        if (closed || (onlySteer && !answering)) return;
        if (answering && !onlySteer) throw new Error("a prompt that begins an answer came during one");
        if (answering && !steers) throw new Error("this engine does not steer");
        answering = true;
        prompts.push(prompt);
        onPrompt?.(scripted, prompt);
      },
      async interrupt() {
        if (answering && stops)
          emit({ type: "done", failure: { class: "cancelled", detail: "stopped" }, carried: [] });
      },
      async close() {
        end();
        await ends();
      },
    },
  };
}

export interface ScriptedRuntime extends SandboxRuntime {
  /** How many were prepared. */
  readonly prepared: number;
  /** The next ones are refused with this, until it is cleared. */
  refusal: Error | undefined;
}

/** Prepares nothing: the scripted engine starts no program. */
export function scriptedRuntime(): ScriptedRuntime {
  const nothing: PreparedSandbox = {
    spawn() {
      throw new Error("the scripted sandbox has no programs");
    },
    dispose: async () => undefined,
  };
  let prepared = 0;
  return {
    name: "scripted",
    refusal: undefined,
    get prepared() {
      return prepared;
    },
    probe: async () => ({ ok: true, version: "1", limits: "none" }),
    async prepare() {
      if (this.refusal) throw this.refusal;
      prepared += 1;
      return nothing;
    },
  };
}

export interface ScriptedDoor extends Door {
  readonly spec: DoorSpec;
  /** Each value of `setTurn`, in order. */
  readonly turns: readonly (TurnId | undefined)[];
  readonly closed: boolean;
  /** What the provider answered last. */
  failure: EngineFailure | undefined;
  /** How many model calls are under way. */
  calls: number;
}

export interface ScriptedBroker extends Broker {
  readonly doors: readonly ScriptedDoor[];
  /** The next doors are refused with this, until it is cleared. */
  refusal: Error | undefined;
  /** What the next doors wait for. */
  held: Promise<void>;
  /** Whether the provider takes the key when it is asked. */
  usable: boolean;
}

export function scriptedBroker(provider = "scripted"): ScriptedBroker {
  const doors: ScriptedDoor[] = [];
  return {
    provider,
    doors,
    refusal: undefined,
    held: Promise.resolve(),
    usable: true,
    async keyWorks(_provider) {
      return this.usable;
    },
    async openDoor(spec) {
      if (this.refusal) throw this.refusal;
      await this.held;
      const turns: (TurnId | undefined)[] = [];
      let closed = false;
      const door: ScriptedDoor = {
        spec,
        turns,
        directory: `/nowhere/${spec.sandbox}`,
        failure: undefined,
        calls: 0,
        get closed() {
          return closed;
        },
        setTurn(turn) {
          turns.push(turn);
        },
        lastFailure: () => door.failure,
        asking: () => door.calls,
        setBackground: () => undefined,
        pull: () => Promise.reject(new Error("nothing can be pulled through a scripted door")),
        async close() {
          closed = true;
        },
      };
      doors.push(door);
      return door;
    },
    close: async () => undefined,
  };
}
