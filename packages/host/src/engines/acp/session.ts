/**
 * One conversation with an agent that speaks ACP, from its start to its end.
 *
 * The protocol knows no steering and no positions: a prompt given during an answer is held and void at
 * its end, and a session is resumed at its latest point or not at all. It has no system prompt either,
 * so the instructions go in front of the first prompt of a fresh session.
 *
 * As with every engine, a failure is told once: by `done` when the agent answered for it, else by
 * `closed`; and after a `done` with a failure the program is ended.
 */
import { PROTOCOL_VERSION, type ClientConnection } from "@agentclientprotocol/sdk";
import { z } from "zod";
import type { Clock } from "../../core/clock.ts";
import type { Log } from "../../log.ts";
import type { EngineFailure, EngineOpen, EngineSession, Prompt } from "../../turns/engine.ts";
import type { PreparedSandbox } from "../../turns/sandbox.ts";
import { createEventQueue } from "../event-queue.ts";
import { createLife } from "../life.ts";
import type { LineLimits } from "../line-guard.ts";
import { connect } from "./connection.ts";
import { requestFailure, StopReason, stopFailure } from "./failures.ts";
import { readUpdate } from "./updates.ts";

/** How long an agent may take to stop an answer. Stop means stop: after that it is killed. */
const INTERRUPT_GRACE_MS = 2_000;
const CWD = "/workspace/group";
/** The only place there is to resume at. */
const LATEST = "latest";

const Abilities = z.object({
  agentCapabilities: z
    .object({
      loadSession: z.boolean().optional(),
      sessionCapabilities: z.object({ resume: z.unknown().optional() }).nullish(),
    })
    .nullish(),
});
const NewSession = z.object({ sessionId: z.string().min(1).max(500) });
const Answer = z.object({ stopReason: StopReason });

export interface SessionDeps {
  /** Inside path of the agent's program, then its arguments. */
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits?: LineLimits | undefined;
}

export function openSession(
  { command, env, clock, log, limits }: SessionDeps,
  open: EngineOpen,
): EngineSession {
  const events = createEventQueue({
    onOverflow: () => life.breach("it talks faster than anybody reads"),
  });

  let connection: ClientConnection | undefined;
  let hangUp = (): void => undefined;
  let session: string | undefined;

  /** Given before the session was there. */
  let first: Prompt | undefined;
  let answering = false;
  /** Visible text since the last reply. */
  let text = "";
  let preamble = open.resume || open.instructions === "" ? undefined : open.instructions;

  let cancelInterrupt = (): void => undefined;

  const life = createLife({ sandbox: open.sandbox, events, talk, clock, log, limits });

  async function talk(sandbox: PreparedSandbox): Promise<void> {
    const program = life.spawn(sandbox, { argv: command, env: { ...env } });
    connection = connect(program, update);
    hangUp = () => program.stdin.end();
    void begin(connection);
    await connection.closed;
  }

  async function begin({ agent }: ClientConnection): Promise<void> {
    let named: string;
    try {
      const { agentCapabilities: can } = Abilities.parse(
        await agent.request("initialize", {
          protocolVersion: PROTOCOL_VERSION,
          clientCapabilities: { fs: { readTextFile: false, writeTextFile: false }, terminal: false },
          clientInfo: { name: "bellhop", version: "1" },
        }),
      );
      const where = { cwd: CWD, mcpServers: [] };
      if (!open.resume) {
        named = NewSession.parse(await agent.request("session/new", where)).sessionId;
      } else {
        const known = { ...where, sessionId: open.resume.engineSession };
        // To resume is to load without the history being told again.
        if (can?.sessionCapabilities?.resume) await agent.request("session/resume", known);
        else if (can?.loadSession) await agent.request("session/load", known);
        else return fail({ class: "stale_session", detail: "this agent cannot resume its sessions" });
        named = known.sessionId;
      }
    } catch (err) {
      return fail(requestFailure(err, { resuming: open.resume !== undefined }));
    }
    session = named;
    events.push({ type: "ready", engineSession: named });
    if (first) void answer(first);
  }

  /** The agent cannot start, and said why. */
  function fail(failure: EngineFailure): void {
    // A program that died has its exit to tell.
    if (!connection?.signal.aborted) life.lastWords(failure);
    void end();
  }

  async function answer({ id, blocks }: Prompt): Promise<void> {
    if (!connection || session === undefined) return;
    first = undefined;
    const texts = [...(preamble === undefined ? [] : [preamble]), ...blocks];
    preamble = undefined;
    events.push({ type: "consumed", prompts: [id] });
    let failure: EngineFailure | undefined;
    try {
      const answered = await connection.agent.request("session/prompt", {
        sessionId: session,
        prompt: texts.map((block) => ({ type: "text", text: block })),
      });
      failure = stopFailure(Answer.parse(answered).stopReason);
    } catch (err) {
      if (connection.signal.aborted) return; // `closed` tells
      failure = requestFailure(err, { resuming: false });
    }
    flush();
    if (!failure) events.push({ type: "position", position: LATEST });
    done(failure);
  }

  function update(params: unknown): void {
    const said = readUpdate(params);
    // Outside of an answer an agent replays its history: nothing of it is news.
    if (!answering || first) return;
    switch (said.update.type) {
      case "text":
        if (said.session !== session || said.update.text === "") return;
        text += said.update.text;
        events.push({ type: "delta", text: said.update.text });
        return;
      case "tool":
        flush();
        events.push({ type: "activity", tool: said.update.title });
        return;
      case "alive":
        events.push({ type: "activity" });
        return;
      default:
        said.update satisfies never;
    }
  }

  function flush(): void {
    if (text !== "") events.push({ type: "reply", text });
    text = "";
  }

  function done(failure?: EngineFailure): void {
    if (!answering) return; // stopped by force in the meantime
    cancelInterrupt();
    if (failure) life.hush();
    answering = false;
    first = undefined;
    text = "";
    events.push({ type: "done", carried: [], ...(failure && { failure }) });
    if (failure) void end();
  }

  function stopByForce(detail: string): void {
    done({ class: "cancelled", detail });
    life.kill();
  }

  async function end(): Promise<void> {
    cancelInterrupt();
    await life.end(answering ? undefined : hangUp);
  }

  return {
    events,
    prompt(prompt) {
      // Void: after the end, as `closed` says, and during an answer, since this engine does not steer.
      if (life.ending || answering) return;
      answering = true;
      if (session === undefined) first = prompt;
      else void answer(prompt);
    },
    async interrupt() {
      if (!answering || life.ending) return;
      if (!connection || session === undefined) return stopByForce("stopped before the agent began");
      cancelInterrupt();
      cancelInterrupt = clock.after(INTERRUPT_GRACE_MS, () => {
        stopByForce("the agent did not stop when asked, so it was killed");
      });
      try {
        await connection.agent.notify("session/cancel", { sessionId: session });
      } catch (err) {
        log.debug({ err }, "The agent ended before it could be told to stop"); // `closed` tells
      }
    },
    async close() {
      life.hush();
      await end();
    },
  };
}
