/**
 * A room for tests of engines: a real sandbox with a group's folders, and behind its door the rehearsal
 * model. Everything lies in a temporary directory and is gone after `close`.
 */
import { chown, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRehearsalModel } from "../../broker/rehearsal/server.ts";
import { systemClock } from "../../core/clock.ts";
import { GroupFolder, InboxId, newId, SandboxId } from "../../core/ids.ts";
import { silentLog } from "../../log.ts";
import { createBubblewrap } from "../../sandbox/bubblewrap.ts";
import { sandboxUid } from "../../sandbox/staging.ts";
import type { AgentEngine, EngineEvent, EngineOpen, EngineSession, Prompt } from "../../turns/engine.ts";
import type { PreparedSandbox, SandboxProcess } from "../../turns/sandbox.ts";

const GROUP_NUMBER = 7;

type Event<T extends EngineEvent["type"]> = Extract<EngineEvent, { type: T }>;

/**
 * Whether this machine can make sandboxes; `note` says why not, for the name of what is skipped. Where
 * everything is demanded (BELLHOP_CI=1), it fails instead.
 */
export async function sandboxHere(): Promise<{ readonly missing: boolean; readonly note: string }> {
  const home = await mkdtemp(join(tmpdir(), "bellhop-engines-"));
  const probe = await createBubblewrap({ home, clock: systemClock, log: silentLog }).probe();
  await rm(home, { recursive: true });
  if (probe.ok) return { missing: false, note: "" };
  if (process.env["BELLHOP_CI"] === "1") throw new Error(`${probe.reason}. ${probe.fix}`);
  return { missing: true, note: ` (SKIPPED: ${probe.reason})` };
}

export interface TestSession {
  /** Every event so far. */
  readonly seen: readonly EngineEvent[];
  readonly session: EngineSession;
  /** Reads until an event of this type; fails when the session closes before. */
  until<T extends EngineEvent["type"]>(type: T, accept?: (event: Event<T>) => boolean): Promise<Event<T>>;
  /** Gives a prompt of a host block and these messages. */
  say(...messages: string[]): Prompt;
  /** Gives one of the engine's own commands. */
  type(command: string): Prompt;
  /** Gives a prompt that was given before. */
  again(prompt: Prompt): void;
  /** Says it and reads to the end of the answer. */
  ask(...messages: string[]): Promise<{ readonly text: string; readonly done: Event<"done"> }>;
  /** Reads until the end, whatever comes. */
  rest(): Promise<readonly EngineEvent[]>;
  /** Kills the sandbox behind the engine's back. */
  kill(): Promise<void>;
}

export interface TestRoom {
  /** Host path of what is `/workspace/group` inside. */
  readonly group: string;
  /** Host path of what is `~/.claude` inside. */
  readonly engineHome: string;
  open(engine: AgentEngine, options?: Partial<Omit<EngineOpen, "sandbox">>): TestSession;
  close(): Promise<void>;
}

export async function createRoom(): Promise<TestRoom> {
  const root = await mkdtemp(join(tmpdir(), "bellhop-engines-"));
  const [home, group, engineHome, door] = ["home", "group", "claude", "door"].map((name) =>
    join(root, name),
  ) as [string, string, string, string];
  for (const folder of [home, group, engineHome, door]) await mkdir(folder, { mode: 0o711 });
  await writeFile(join(root, "CLAUDE.md"), "The house speaks of the blue door.\n");

  const model = createRehearsalModel({ clock: systemClock });
  await model.listen(join(door, "broker.sock"));
  const uid = sandboxUid(GROUP_NUMBER);
  if (uid !== undefined) await chown(join(door, "broker.sock"), uid, uid);

  const runtime = createBubblewrap({ home, clock: systemClock, log: silentLog });
  const sessions: EngineSession[] = [];

  return {
    group,
    engineHome,
    open(engine, options = {}) {
      let process: SandboxProcess | undefined;
      const prepared = runtime.prepare({
        id: newId(SandboxId),
        group: GroupFolder.parse("test"),
        groupNumber: GROUP_NUMBER,
        doorDirectory: door,
        mounts: [
          { source: group, target: "/workspace/group", mode: "rw" },
          { source: join(root, "CLAUDE.md"), target: "/workspace/CLAUDE.md", mode: "ro" },
          { source: engineHome, target: "/home/agent/.claude", mode: "rw" },
          ...engine.mounts,
        ],
        limits: { cpus: 2, memoryBytes: 2 * 2 ** 30, pids: 512, tmpBytes: 64 * 2 ** 20 },
      });
      const session = engine.open({
        model: "sonnet",
        instructions: "You are Bellhop.",
        tools: [],
        ...options,
        sandbox: prepared.then((sandbox) => spying(sandbox, (spawned) => (process = spawned))),
      });
      sessions.push(session);
      return testSession(session, async () => process?.kill());
    },
    async close() {
      await Promise.all(sessions.map((session) => session.close()));
      await model.close();
      await rm(root, { recursive: true });
    },
  };
}

function spying(sandbox: PreparedSandbox, spawned: (process: SandboxProcess) => void): PreparedSandbox {
  return {
    spawn(command) {
      const process = sandbox.spawn(command);
      spawned(process);
      return process;
    },
    dispose: () => sandbox.dispose(),
  };
}

function testSession(session: EngineSession, kill: () => Promise<void>): TestSession {
  const seen: EngineEvent[] = [];
  const events = session.events[Symbol.asyncIterator]();

  async function next(): Promise<EngineEvent | undefined> {
    const { value, done } = await events.next();
    if (done) return undefined;
    seen.push(value);
    return value;
  }

  const self: TestSession = {
    seen,
    session,
    kill,
    async until(type, accept = () => true) {
      for (let event = await next(); event; event = await next()) {
        if (isOf(event, type) && accept(event)) return event;
        if (event.type === "closed") {
          throw new Error(`closed before ${type}: ${JSON.stringify(event.failure)}`);
        }
      }
      throw new Error(`ended before ${type}`);
    },
    say(...messages) {
      const prompt = { id: newId(InboxId), blocks: ['<bellhop chat="terminal:test">', ...messages] };
      session.prompt(prompt);
      return prompt;
    },
    type(command) {
      const prompt = { id: newId(InboxId), blocks: [command], command: true };
      session.prompt(prompt);
      return prompt;
    },
    again: (prompt) => session.prompt(prompt),
    async ask(...messages) {
      const from = seen.length;
      self.say(...messages);
      const done = await self.until("done");
      const replies = seen.slice(from).filter((event) => event.type === "reply");
      return { text: replies.map(({ text }) => text).join("\n"), done };
    },
    async rest() {
      const from = seen.length;
      while (await next());
      return seen.slice(from);
    },
  };
  return self;
}

function isOf<T extends EngineEvent["type"]>(event: EngineEvent, type: T): event is Event<T> {
  return event.type === type;
}
