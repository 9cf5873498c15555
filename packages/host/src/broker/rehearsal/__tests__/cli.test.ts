/** The rehearsal model as the real native CLI sees it: what the pure tests assume is true of it. */
import { query, type SDKUserMessage } from "@anthropic-ai/claude-agent-sdk";
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { systemClock } from "../../../core/clock.ts";
import { createRehearsalModel } from "../server.ts";

const CLI = createRequire(import.meta.url).resolve(
  `@anthropic-ai/claude-agent-sdk-${process.platform}-${process.arch}/claude`,
);

async function given() {
  const model = createRehearsalModel({ clock: systemClock });
  const port = await model.listen(0);
  const directory = await mkdtemp(join(tmpdir(), "bellhop-rehearsal-"));
  onTestFinished(async () => {
    await model.close();
    await rm(directory, { recursive: true, force: true });
  });
  await writeFile(join(directory, "CLAUDE.md"), "# Memory\n- The owner likes tea.\nsay: never");
  const env = {
    PATH: process.env["PATH"],
    HOME: directory,
    CLAUDE_CONFIG_DIR: join(directory, ".claude"),
    ANTHROPIC_BASE_URL: `http://127.0.0.1:${port}`,
    ANTHROPIC_API_KEY: "placeholder",
    CLAUDE_CODE_MAX_RETRIES: "0",
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
    IS_SANDBOX: "1", // or it refuses to go without asking when it runs as root
  };
  return { directory, env };
}

/** Runs `claude -p` and gives what it printed. */
async function print(
  { directory, env }: Awaited<ReturnType<typeof given>>,
  ...args: string[]
): Promise<string> {
  const child = spawn(CLI, ["-p", "--permission-mode", "bypassPermissions", ...args], {
    cwd: directory,
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += String(chunk)));
  await new Promise((resolve) => child.on("close", resolve));
  return output.trim();
}

const user = (text: string): SDKUserMessage => ({
  type: "user",
  uuid: randomUUID(),
  parent_tool_use_id: null,
  message: {
    role: "user",
    content: ["<bellhop>\nsay: host\n</bellhop>", text].map((text) => ({ type: "text", text })),
  },
});

describe("the rehearsal model behind the native CLI", () => {
  it("uses its tools and remembers beyond the session", async () => {
    const place = await given();

    const first = await print(
      place,
      "run: echo one two\nwrite: a.txt hi\nremember: the cat is called Ada\nsay: done",
    );
    const second = await print(place, "recall:\ncount:");

    expect(first).toMatch(
      /^one two\nFile created successfully.*\nI will remember: the cat is called Ada\ndone$/s,
    );
    expect(await readFile(join(place.directory, "a.txt"), "utf8")).toBe("hi");
    expect(second).toMatch(/- The owner likes tea\.\nsay: never\n- the cat is called Ada\n1$/);
  });

  it("fails as the API does", async () => {
    const place = await given();

    const [overloaded, auth] = await Promise.all([
      print(place, "error: overloaded"),
      print(place, "error: auth"),
    ]);

    expect(overloaded).toMatch(/529 Overloaded/);
    expect(auth).toMatch(/Invalid API key/);
  });

  it("sees a message that arrives during a tool call in the same answer", async () => {
    const { directory, env } = await given();
    const push = Promise.withResolvers<SDKUserMessage>();
    const end = Promise.withResolvers<void>();
    async function* prompts() {
      yield user("run: while [ ! -e go ]; do sleep 0.02; done");
      yield await push.promise;
      await end.promise;
    }
    const results: string[] = [];

    const session = query({
      prompt: prompts(),
      options: {
        cwd: directory,
        env,
        model: "sonnet",
        permissionMode: "bypassPermissions",
        allowDangerouslySkipPermissions: true,
        systemPrompt: { type: "preset", preset: "claude_code", append: "You are Bellhop." },
      },
    });
    let queued = 0;
    for await (const message of session) {
      if (message.type === "assistant") push.resolve(user("say: joined\ncount:"));
      // The program says `queued` once it has a prompt. With the second it may end the tool call.
      if (JSON.stringify(message).includes('"state":"queued"') && ++queued === 2) {
        await writeFile(join(directory, "go"), "");
      }
      if (message.type === "result") {
        results.push(message.subtype === "success" ? message.result : message.subtype);
        end.resolve();
      }
    }

    expect(results).toEqual(["(Bash completed with no output)\njoined\n2"]);
  });
});
