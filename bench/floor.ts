/**
 * The floor of the latency bench: the same SDK with the same options, in the same sandbox, on the same
 * rehearsal model behind a socket in the same place, and nothing of Bellhop's between a prompt and the
 * first piece of its answer. What Bellhop takes beyond this is Bellhop's.
 */
import { randomUUID } from "node:crypto";
import * as sdk from "@anthropic-ai/claude-agent-sdk";
import type { SDKMessage } from "@anthropic-ai/claude-agent-sdk";
import { chmod, chown, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { createRehearsalModel } from "../packages/host/src/broker/rehearsal/server.ts";
import { groupConfig, loadConfig } from "../packages/host/src/config.ts";
import { systemClock } from "../packages/host/src/core/clock.ts";
import { ChatId, InboxId, MAIN, newId, SandboxId } from "../packages/host/src/core/ids.ts";
import { promptBlocks } from "../packages/host/src/core/prompt.ts";
import { createClaudeEngine } from "../packages/host/src/engines/claude/claude.ts";
import {
  DISALLOWED_TOOLS,
  PROGRAM,
  programEnvironment,
  sessionOptions,
} from "../packages/host/src/engines/claude/options.ts";
import { createPromptFeed, type PromptFeed } from "../packages/host/src/engines/claude/prompt-feed.ts";
import { asSpawned } from "../packages/host/src/engines/claude/spawned.ts";
import { createToolServer, TOOL_SERVER } from "../packages/host/src/engines/claude/tools.ts";
import { createGroups } from "../packages/host/src/groups/groups.ts";
import { prepareHome } from "../packages/host/src/home.ts";
import { silentLog } from "../packages/host/src/log.ts";
import { createBubblewrap } from "../packages/host/src/sandbox/bubblewrap.ts";
import { sandboxUid } from "../packages/host/src/sandbox/staging.ts";
import { historySearch } from "../packages/host/src/tools/history-search.ts";
import { react } from "../packages/host/src/tools/react.ts";
import { sendMessage } from "../packages/host/src/tools/send-message.ts";

export interface Floor {
  open(): Promise<FloorSession>;
  close(): Promise<void>;
}

export interface FloorSession {
  /** ms from the prompt to the first piece of its answer; resolves once the answer is complete. */
  ask(text: string): Promise<number>;
  close(): Promise<void>;
}

const GROUP_NUMBER = 1;
const MiB = 1024 * 1024;

/** @param home a directory of its own */
export async function openFloor(home: string): Promise<Floor> {
  const clock = systemClock;
  const config = loadConfig({ home, env: {}, flags: {} });
  const { paths } = await prepareHome(home);
  const groups = createGroups({
    paths,
    settingsOf: (group) => groupConfig(config, group),
    log: silentLog,
    deniedTools: DISALLOWED_TOOLS,
  });
  await groups.ensure(MAIN);
  const runtime = createBubblewrap({ home, clock, log: silentLog });
  const engine = createClaudeEngine({ clock, log: silentLog });
  const { cpus, memoryMb, pids, tmpMb } = config.sandbox;
  const limits = { cpus, memoryBytes: memoryMb * MiB, pids, tmpBytes: tmpMb * MiB };

  const door = join(paths.run, "door");
  await mkdir(door, { mode: 0o711 });
  const model = createRehearsalModel({ clock });
  await model.listen(join(door, "broker.sock"));
  const uid = sandboxUid(GROUP_NUMBER);
  if (uid !== undefined) await chown(join(door, "broker.sock"), uid, uid);
  await chmod(door, 0o711);

  return {
    async open() {
      const sandbox = await runtime.prepare({
        id: newId(SandboxId),
        group: MAIN,
        groupNumber: GROUP_NUMBER,
        mounts: [...(await groups.mounts(MAIN)), ...engine.mounts],
        doorDirectory: door,
        limits,
      });
      let exited: Promise<unknown> = Promise.resolve();
      const feed = createPromptFeed();
      const answer = sdk.query({
        prompt: feed,
        options: {
          ...sessionOptions(
            { model: config.model, instructions: groups.instructions(MAIN), resume: undefined },
            false,
          ),
          mcpServers: { [TOOL_SERVER]: offeredTools() },
          spawnClaudeCodeProcess({ args, env }) {
            const process = sandbox.spawn({ argv: [PROGRAM, ...args], env: programEnvironment(env, false) });
            process.stderr.resume();
            exited = process.exited;
            return asSpawned(process);
          },
        },
      });
      return session(answer, feed, () => exited);
    },
    close: () => model.close(),
  };
}

function session(
  answer: AsyncIterable<SDKMessage> & { close(): void },
  feed: PromptFeed,
  exited: () => Promise<unknown>,
): FloorSession {
  const messages = answer[Symbol.asyncIterator]();
  return {
    async ask(text) {
      const asked = performance.now();
      feed.push(randomUUID(), { id: newId(InboxId), blocks: blocks(text) });
      let first: number | undefined;
      for (;;) {
        const { value, done } = await messages.next();
        if (done || (value.type === "result" && value.subtype !== "success")) {
          throw new Error("the floor's engine gave no answer");
        }
        if (isText(value)) first ??= performance.now() - asked;
        if (value.type === "result" && first !== undefined) return first;
      }
    },
    async close() {
      feed.end();
      answer.close();
      await exited();
    },
  };
}

function isText(message: SDKMessage): boolean {
  if (message.type !== "stream_event") return false;
  const { event } = message;
  return event.type === "content_block_delta" && event.delta.type === "text_delta";
}

/** As the host writes them, so that both prompts are of one size. */
function blocks(text: string): readonly string[] {
  const at = systemClock.now();
  const sender = { id: "web:owner", name: "owner", role: "owner" };
  return promptBlocks([{ seq: 1, sender, at, text }], { now: at, timezone: "UTC", chat: CHAT });
}

const CHAT = ChatId.parse("web:floor");

/** The host's tools as the model sees them: their descriptions are part of every prompt. */
function offeredTools(): ReturnType<typeof createToolServer> {
  const tools = [sendMessage, react, historySearch].map(({ name, description, input }) => {
    return { name, description, input, call: () => Promise.reject(new Error("nobody calls it here")) };
  });
  return createToolServer({ sdk, tools, clock: systemClock, log: silentLog, answering: () => false });
}
