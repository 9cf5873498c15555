/**
 * One conversation with the engine's program, from its start to its end.
 *
 * Prompts. The program takes in what it gets during a tool call; what it gets while the model is busy it
 * keeps, to run as a turn of its own. So a prompt that steers is *held* here until the model calls a
 * tool, then *given*; `consumed` is said when the program says that it took it in. At the end of an
 * answer what is still held never left the host (void), and what was given and not taken in is run by
 * the program as its next turn (`carried`). Every prompt is in exactly one of these places, so none is
 * lost and none runs twice.
 *
 * Background work. What ends beside the conversation is news that the program puts before the model by
 * itself: into the answer under way, or as a turn of its own. Such a turn begins with a `background` that tells
 * what `ended`, and its output is an answer like any other, for a turn that the host claims. If a prompt came
 * just then, the turn of the program's is the beginning of the prompt's answer.
 *
 * Ends. A failure is told once: by `done` when the program answered for it, else by `closed`. After a
 * `done` with a failure, an interrupt included, the program is ended: what it still holds in memory is
 * not what a later attempt may build on, which resumes at the stored position.
 */
import { randomUUID } from "node:crypto";
import type { Query } from "@anthropic-ai/claude-agent-sdk";
import { z } from "zod";
import { createAllowance } from "../../core/allowance.ts";
import type { Clock } from "../../core/clock.ts";
import type { InboxId } from "../../core/ids.ts";
import type { Log } from "../../log.ts";
import type { EngineFailure, EngineOpen, EngineSession, Prompt } from "../../turns/engine.ts";
import type { PreparedSandbox } from "../../turns/sandbox.ts";
import { createEventQueue } from "../event-queue.ts";
import { createLife } from "../life.ts";
import type { LineLimits } from "../line-guard.ts";
import { readMessage, type Frame } from "./events.ts";
import { resultFailure } from "./failures.ts";
import { offered } from "./commands.ts";
import { PROGRAM, programEnvironment, sessionOptions } from "./options.ts";
import { createPromptFeed, type WireId } from "./prompt-feed.ts";
import { asSpawned } from "./spawned.ts";
import { createToolServer, TOOL_SERVER } from "./tools.ts";

/** How long it may take to stop an answer. Stop means stop: after that it is killed. */
const INTERRUPT_GRACE_MS = 2_000;
/** The SDK remembers up to 1,024 answers to questions it never asked; all of them together stay below this. */
const MAX_CONTROL_BYTES = 8 * 1024 * 1024;
/** Turns that the program may begin by itself: a dozen pieces of work that end together, and then two a minute. */
const OWN_TURNS = { perSecond: 1 / 30, burst: 12 };
/** Pieces of news that are kept for the host; the model gets them all. */
const MAX_NEWS = 20;

/** What the program does without a word, when a person asks for it. */
const COMPACTED = "What we have said so far is now a summary.";

export interface SessionDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly limits?: LineLimits | undefined;
  /** Whether the agent may leave work running. @default false */
  readonly background?: boolean | undefined;
  /** Fresh names for prompts. */
  readonly newWireId?: () => WireId;
}

/** `query()` takes this option, though the SDK's types do not name it yet (`interrupt_cancel_queued_v1`). */
type Interruptible = Query & { interrupt(options: { cancelQueued: true }): Promise<unknown> };

export function openSession(
  { clock, log, limits, background = false, newWireId = randomUUID }: SessionDeps,
  open: EngineOpen,
): EngineSession {
  const feed = createPromptFeed();
  const events = createEventQueue({ onOverflow: () => life.breach("it talks faster than anybody reads") });

  let conversation: Query | undefined;
  let engineSession: string | undefined;

  /** Given to the program, which has not said that it took it in; by the name it has there. */
  const given = new Map<WireId, InboxId>();
  let held: Prompt[] = [];
  /** From the prompt that begins an answer to its `done`. */
  let answering = false;
  /** The program took a prompt of this answer in: what it says now belongs to it. */
  let begun = false;
  /** What is given now joins the answer. */
  let joins = false;
  /** The tool that runs just now. */
  let tool: string | undefined;
  /** How long it may take, where it said so. */
  let toolMs: number | undefined;
  let position: string | undefined;
  let apiError: Extract<Frame, { type: "api-error" }> | undefined;

  /** Pieces of work that go on beside the conversation. */
  let running = 0;
  /** What has ended of it, for the turn that the program will begin by itself. */
  let news: string[] = [];
  const ownTurns = createAllowance(clock, OWN_TURNS);
  /** The program's own turn is under way: for the host to claim, or `ahead` of the prompt that waits for its own. */
  let own: "claimed" | "ahead" | undefined;
  let commands = "";
  /** The answer under way is one of the program's own commands', which may say what it did at its end alone. */
  let typed = false;
  let spoke = false;
  let compacted = false;

  /** A stop was asked for: whatever comes of it, nothing goes on afterwards. */
  let stopping = false;
  let cancelInterrupt = (): void => undefined;

  // Side by side with the sandbox, the first time; 20 MB that a host nobody has written to does without.
  const loading = import("@anthropic-ai/claude-agent-sdk");
  loading.catch(() => undefined); // `talk` tells of it, if it comes that far
  const life = createLife({ sandbox: open.sandbox, events, talk, clock, log, limits });

  async function talk(sandbox: PreparedSandbox): Promise<void> {
    const sdk = await loading;
    const plugins = await open.plugins;
    const tools = createToolServer({
      sdk,
      tools: open.tools,
      clock,
      log,
      answering: () => begun && !life.ending,
    });
    conversation = sdk.query({
      prompt: feed,
      options: {
        ...sessionOptions(open, background, plugins),
        mcpServers: { [TOOL_SERVER]: tools },
        spawnClaudeCodeProcess({ args, env }) {
          const command = { argv: [PROGRAM, ...args], env: programEnvironment(env, background) };
          return asSpawned(life.spawn(sandbox, command, controlBudget()));
        },
      },
    });
    for await (const message of conversation) take(message);
  }

  function take(message: unknown): void {
    const { session, frames } = readMessage(message);
    for (const frame of frames) {
      // The last words of a program that cannot resume still carry the old name: it is not ready.
      if (session !== undefined && session !== engineSession && frame.type !== "result") {
        engineSession = session;
        events.push({ type: "ready", engineSession: session });
      }
      handle(frame);
    }
  }

  function handle(frame: Frame): void {
    switch (frame.type) {
      case "started":
        return consumed([frame.prompt]);
      case "dropped":
        // Void, unless it was to begin the answer that somebody now waits for.
        if (given.delete(frame.prompt) && !begun && given.size === 0) {
          done({ class: "crashed", detail: "the agent's program dropped its prompt" });
        }
        return;
      case "asking":
        joins = false;
        tool = undefined;
        toolMs = undefined;
        return alive();
      case "turn":
        offer(frame.commands);
        if (frame.unasked) beginsByItself();
        return alive();
      case "background":
        running = frame.running;
        events.push({ type: "background", running });
        return;
      case "background-ended":
        news = [...news, frame.news].slice(-MAX_NEWS);
        return alive();
      case "calling":
        joins = true;
        for (const prompt of held) give(prompt);
        held = [];
        tool = frame.tool;
        if (frame.forMs !== undefined) toolMs = Math.max(toolMs ?? 0, frame.forMs);
        return alive();
      case "running":
        tool = frame.tool;
        return alive();
      case "delta":
        if (begun) events.push({ type: "delta", text: frame.text });
        return;
      case "text":
        if (begun) say(frame.text);
        return;
      case "entry":
        if (begun) position = frame.uuid;
        return alive();
      case "compacted":
        compacted = true;
        return alive();
      case "api-error":
        apiError = frame;
        return alive();
      case "result":
        return ended(frame);
      case "alive":
        return alive();
      default:
        return frame satisfies never;
    }
  }

  function say(text: string): void {
    spoke = true;
    events.push({ type: "reply", text });
  }

  function alive(): void {
    if (!answering) return;
    events.push({
      type: "activity",
      ...(tool !== undefined && { tool }),
      ...(tool !== undefined && toolMs !== undefined && { forMs: toolMs }),
    });
  }

  /** Told again only when it is another. */
  function offer(names: readonly string[]): void {
    const told = offered(names);
    if (told.join() === commands) return;
    commands = told.join();
    events.push({ type: "offers", commands: told });
  }

  function beginsByItself(): void {
    // Without news nobody knows what it is for: nothing of it is heard, and the broker refuses its calls.
    if (begun || news.length === 0 || life.ending) return;
    if (!ownTurns.take()) return life.breach("it goes on by itself again and again");
    const ended = news.join("\n");
    news = [];
    begun = true;
    own = answering ? "ahead" : "claimed";
    answering = true;
    events.push({ type: "background", running, ended });
  }

  function consumed(wireIds: readonly WireId[]): void {
    const prompts = wireIds.flatMap((wireId) => {
      const id = given.get(wireId);
      return id !== undefined && given.delete(wireId) ? [id] : [];
    });
    if (prompts.length === 0) return;
    begun = true;
    events.push({ type: "consumed", prompts });
  }

  function ended(result: Extract<Frame, { type: "result" }>): void {
    consumed(result.prompts);
    const failure = resultFailure(result, apiError);
    if (!begun) {
      // A program that cannot start says so by a result; the end of a turn that is not ours says nothing.
      if (failure && result.prompts.length === 0) {
        life.lastWords(failure);
        void end();
      }
      return;
    }
    if (own === "ahead" && !failure && !stopping && given.size > 0) {
      // The prompt comes next, and its answer goes on.
      own = undefined;
      begun = false;
      return;
    }
    if (typed && !spoke && !failure) {
      const said = result.text || (compacted ? COMPACTED : "");
      if (said !== "") say(said);
    }
    // After an interrupt too: the note of it is an entry that a later session can go on from.
    if (position !== undefined && (!failure || failure.class === "cancelled")) {
      events.push({ type: "position", position });
    }
    done(failure);
  }

  function done(failure?: EngineFailure): void {
    cancelInterrupt();
    const over = failure !== undefined || stopping;
    const carried = over ? [] : [...given.values()];
    if (over) life.hush();
    // Stopped just as the answer ended: what was queued behind it must not begin.
    if (stopping && given.size > 0) life.kill();
    answering = carried.length > 0;
    begun = false;
    own = undefined;
    typed = false;
    spoke = false;
    compacted = false;
    tool = undefined;
    toolMs = undefined;
    joins = false;
    position = undefined;
    apiError = undefined;
    held = [];
    events.push({ type: "done", carried, ...(failure && { failure }) });
    if (over) void end();
  }

  function stopByForce(detail: string): void {
    done({ class: "cancelled", detail });
    life.kill();
  }

  function give(prompt: Prompt): void {
    const wireId = newWireId();
    given.set(wireId, prompt.id);
    feed.push(wireId, prompt);
  }

  /** Ends the program: at once when an answer is under way, else with time to write its transcript. */
  async function end(): Promise<void> {
    cancelInterrupt();
    feed.end();
    await life.end(answering ? undefined : () => conversation?.close());
  }

  return {
    events,
    prompt(prompt, onlySteer = false) {
      if (life.ending || (onlySteer && !answering)) return; // void, as `closed` or `done` says
      // It begins an answer where the program has just begun one by itself.
      if (own === "claimed" && !onlySteer) {
        own = "ahead";
        return give(prompt);
      }
      if (!answering || joins) {
        if (!answering) typed = prompt.command === true;
        answering = true;
        give(prompt);
      } else held.push(prompt);
    },
    async interrupt() {
      if (!answering || life.ending) return;
      held = [];
      stopping = true;
      // A request to stop could overtake the prompt on its way into a program that is still starting.
      if (!begun || !conversation) return stopByForce("stopped before the engine began");
      cancelInterrupt();
      cancelInterrupt = clock.after(INTERRUPT_GRACE_MS, () => {
        stopByForce("the engine did not stop when asked, so it was killed");
      });
      try {
        // Without `cancelQueued` what was given and not taken in would run next.
        await (conversation as Interruptible).interrupt({ cancelQueued: true });
      } catch (err) {
        log.debug({ err }, "The engine's program ended before it confirmed the stop"); // `closed` tells
      }
    },
    async close() {
      life.hush();
      await end();
    },
  };
}

/** Bounds what the program may make the SDK remember (see `MAX_CONTROL_BYTES`). */
function controlBudget(): (message: Readonly<Record<string, unknown>>, bytes: number) => string | undefined {
  const ControlResponse = z.object({ type: z.literal("control_response") });
  let left = MAX_CONTROL_BYTES;
  return (message, bytes) => {
    if (!ControlResponse.safeParse(message).success) return undefined;
    left -= bytes;
    return left < 0 ? "it answers more than it was asked" : undefined;
  };
}
