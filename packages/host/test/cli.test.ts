/** Every command, as a person or a script uses it, against a real host on the rehearsal model. */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { ChatEvent } from "../src/core/events.ts";
import { Status } from "../src/core/status.ts";
import { cleanUp, freshHome, type Host, run, start, startHost, startInTerminal } from "./command.ts";

const CTRL_C = "\u0003";
const CTRL_D = "\u0004";

describe("with a host", () => {
  let host: Host;
  beforeAll(async () => {
    host = await startHost(freshHome());
  });
  afterAll(cleanUp);
  const ask = (...args: string[]) => run(["ask", "--home", host.home, ...args]);

  describe("bellhop up --json", () => {
    it("says in one line where it is and how to get in", async () => {
      const response = await fetch(`${host.url}/api/v1/status`, {
        headers: { authorization: `Bearer ${host.token}` },
      });

      expect(Status.parse(await response.json())).toMatchObject({ pid: host.pid, home: host.home });
      expect(host).toMatchObject({ model: "rehearsal", pid: host.process.pid });
      expect(host.said().trimEnd().split("\n")).toHaveLength(1);
    });
  });

  describe("bellhop chats", () => {
    it("binds a chat to a group that there is, and lists it", async () => {
      const chats = (...args: string[]) => run(["chats", ...args, "--home", host.home]);

      expect(await chats("bind", "telegram:-100", "main")).toMatchObject({
        code: 0,
        stdout: "telegram:-100 belongs to main now.\n",
      });
      expect(await chats("bind", "telegram:-100", "nobody")).toMatchObject({
        code: 1,
        stderr: "there is no group nobody to bind the chat telegram:-100 to\n",
      });
      expect((await chats("list")).stdout).toMatch(/^telegram:-100 +main$/m);
    });
  });

  describe("bellhop ask", () => {
    it("prints exactly the answer", async () => {
      expect(await ask("say: dinner at  eight ")).toMatchObject({
        code: 0,
        stdout: "dinner at  eight\n",
        stderr: "",
      });
    });

    it("sends files, and says how to save those that come back", async () => {
      const path = join(host.home, "..", "what i wrote.txt");
      writeFileSync(path, "eggs and milk");

      const sent = await ask("--file", path, "run: cat /workspace/media/*wrote.txt; echo hi > /tmp/back.txt");
      const back = await ask('tool: send_file {"path": "/tmp/back.txt", "caption": "here"}');
      const missing = await ask("--file", "/nowhere/at/all", "say: hello");

      expect(sent).toMatchObject({ code: 0, stdout: "eggs and milk\n", stderr: "" });
      expect(back.stderr).toMatch(
        /^here\n— file back\.txt \(text\/plain, 3 bytes\); save it with: bellhop files get \S+\n$/,
      );
      const id = back.stderr.trim().split(" ").at(-1) ?? "";
      const got = await run(["files", "get", id, "--home", host.home]);
      expect(got).toMatchObject({ code: 0, stdout: "hi\n" });
      expect(missing).toMatchObject({ code: 1, stderr: "/nowhere/at/all cannot be read (ENOENT).\n" });
    });

    it("reads the message from stdin, all its lines", async () => {
      const ended = await run(["ask", "-", "--home", host.home], { input: "say: ein\nsay: Ä 👩‍👩‍👧\n" });

      expect(ended).toMatchObject({ code: 0, stdout: "ein\nÄ 👩‍👩‍👧\n" });
    });

    it("gives what happens in frames, from the message to its end", async () => {
      const { code, stdout } = await ask("--json", "--chat", "frames", "stream: 3 10");

      const frames = stdout
        .trimEnd()
        .split("\n")
        .map((line) => ChatEvent.parse(JSON.parse(line)));
      const deltas = frames.flatMap((frame) => (frame.type === "delta" ? [frame.text] : []));
      expect(code).toBe(0);
      expect(frames[0]).toMatchObject({ type: "message", direction: "in", chat: "terminal:frames" });
      expect(deltas.join("")).toBe("word1 word2 word3");
      expect(frames.at(-1)).toMatchObject({ type: "message", direction: "out", text: "word1 word2 word3" });
    });

    it("streams on a terminal, shows the answer once, and lets no escape sequence through", async () => {
      const asked = startInTerminal(["ask", "--home", host.home, "say: \u001b[31mred\u0007 alert"]);

      expect((await asked.ended).stdout).toBe("[31mred alert\r\n");
    });

    it("prints what a chat command is answered", async () => {
      const piped = await ask("/model");
      const shown = startInTerminal(["ask", "--home", host.home, "/model"]);

      expect(piped).toMatchObject({ code: 0, stdout: "The model is sonnet.\n", stderr: "" });
      expect((await shown.ended).stdout).toBe("The model is sonnet.\r\n");
    });

    it("says why when there is no answer", async () => {
      const ended = await ask("error: refusal");

      expect(ended).toMatchObject({ code: 1, stdout: "" });
      expect(ended.stderr).toMatch(/^[^\n]*declined[^\n]*\n$/);
    });

    it("gives up when the time is up, and the answer still comes to the chat", async () => {
      const ended = await ask("--chat", "slow", "--timeout", "1", "think: 2\nsay: at last");
      const next = await ask("--chat", "slow", "count:");

      expect(ended).toMatchObject({ code: 1, stdout: "" });
      expect(ended.stderr).toContain("No answer within 1 s");
      expect(next.code).toBe(0);
      expect(await texts(host, "terminal:slow")).toContain("at last");
    });

    it("keeps two at once in different chats apart", async () => {
      const both = await Promise.all([ask("--chat", "a", "say: for a"), ask("--chat", "b", "say: for b")]);

      expect(both.map(({ stdout }) => stdout)).toEqual(["for a\n", "for b\n"]);
    });

    it.each([
      [["--timeout", "soon", "hi"], "number of seconds"],
      [["--chat", "a b:", "hi"], "is not a chat"],
      [["--chat", "telegram:5", "hi"], 'There is no chat "telegram:5"'],
      [["  "], "the message is empty"],
      [[], "There is nothing to send"],
      [["--loud", "hi"], "unknown option '--loud'"],
    ])("refuses %j with a sentence", async (args, sentence) => {
      const ended = await ask(...args);

      expect(ended).toMatchObject({ code: 1, stdout: "" });
      expect(ended.stderr).toContain(sentence);
    });
  });

  describe("bellhop status", () => {
    it("describes the host, and gives all of it as JSON", async () => {
      const [text, json] = await Promise.all([
        run(["status", "--home", host.home]),
        run(["status", "--json"], { env: { BELLHOP_HOME: host.home } }),
      ]);

      expect(text.stdout).toContain(`process ${host.pid}`);
      expect(text.stdout).toContain("rehearsal, a scripted stand-in");
      expect(Status.parse(JSON.parse(json.stdout)).pid).toBe(host.pid);
    });
  });

  describe("bellhop login", () => {
    it("prints a link of its own each time", async () => {
      const [one, two] = await Promise.all([
        run(["login", "--home", host.home]),
        run(["login", "--home", host.home]),
      ]);

      expect(one.stdout).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/login#\S{20,}\n$/);
      expect(two.stdout).not.toBe(one.stdout);
    });
  });

  describe("bellhop chat", () => {
    it("shows the past, sends lines and blocks, and leaves the host running", async () => {
      await ask("--chat", "garden", "say: the roses");
      const chat = startInTerminal(["chat", "--home", host.home, "--chat", "garden"]);

      await chat.says("/help says how this works");
      chat.type("say: one\\\rsay: two\r");
      await chat.says(/(?<!say: )one\r\n.*(?<!say: )two\r\n/s);
      chat.type("\u001b[200~say: three\rsay: four\u001b[201~\r");
      await chat.says(/(?<!say: )three\r\n.*(?<!say: )four\r\n/s);
      chat.type("/help\r");
      await chat.says("or paste a block");
      await chat.says("/stop – end the answer under way");
      chat.type(CTRL_D);
      const { code, stdout } = await chat.ended;

      expect(code).toBe(0);
      expect(stdout).toContain("the roses\r\n");
      expect((await run(["status", "--home", host.home])).code).toBe(0);
    });

    it("sends what is typed while an answer comes, at once", async () => {
      const chat = startInTerminal(["chat", "--home", host.home, "--chat", "steered"]);
      await chat.says("/help says how this works");

      chat.type("run: sleep 2\r");
      await chat.says("using Bash");
      chat.type("say: joined\r");
      await chat.says(/\njoined\r\n/);
      chat.type(CTRL_C);
      await chat.ended;

      const turns = (await events(host, "terminal:steered")).filter(
        (event) => event.type === "turn" && event.state === "done",
      );
      expect(turns).toMatchObject([{ inputs: [expect.any(String), expect.any(String)] }]);
    });

    it("keeps what was typed, for the arrow keys, where only the owner can read it", () => {
      const file = join(host.home, "terminal-history");

      expect(readFileSync(file, "utf8")).toContain("run: sleep 2\n");
      expect(statSync(file).mode & 0o777).toBe(0o600);
    });

    it("is not for scripts", async () => {
      expect(await run(["chat", "--home", host.home])).toMatchObject({
        code: 1,
        stderr: expect.stringContaining("bellhop ask"),
      });
    });
  });

  describe("a second start", () => {
    it("names the process that holds the home, and harms nothing", async () => {
      const second = await run(["up", "--no-terminal", "--port", "0", "--home", host.home]);

      expect(second).toMatchObject({ code: 1, stdout: "" });
      expect(second.stderr).toContain(String(host.pid));
      expect((await ask("say: still here")).stdout).toBe("still here\n");
    });
  });
});

describe("stopping", () => {
  afterEach(cleanUp);

  it("by bellhop stop finishes the answer under way, and returns when the process is gone", async () => {
    const host = await startHost(freshHome());
    const asked = start(["ask", "--home", host.home, "--json", "think: 2\nsay: in time"]);
    await asked.says('"state":"started"');

    const stopped = await run(["stop", "--home", host.home]);

    expect(stopped).toMatchObject({ code: 0, stdout: `Bellhop (process ${host.pid}) has stopped.\n` });
    expect(await host.ended).toMatchObject({ code: 0 });
    expect(await asked.ended).toMatchObject({ code: 0, stdout: expect.stringContaining('"text":"in time"') });
  });

  it("by bellhop stop --now waits for nothing, and the answer comes after the next start, once", async () => {
    const home = freshHome();
    const first = await startHost(home);
    const asked = start(["ask", "--home", home, "--json", "think: 2\nsay: in time"]);
    await asked.says('"state":"started"');

    const stopped = await run(["stop", "--now", "--home", home]);
    const ended = await first.ended;
    const second = await startHost(home);
    await asked.ended;

    expect(stopped.code).toBe(0);
    expect(ended.code).toBe(131);
    expect((await asked.ended).code).toBe(0);
    expect(await texts(second, "terminal:ask")).toEqual(["in time"]);
  });

  it("by SIGTERM drains; by a second one it ends now", async () => {
    const home = freshHome();
    const host = await startHost(home);
    const asked = start(["ask", "--home", home, "--json", "think: 30"]);
    await asked.says('"state":"started"');

    host.process.kill("SIGTERM");
    await host.says("1 live turn left");
    // As long as two signals of one key press could lie apart.
    await new Promise((resolve) => setTimeout(resolve, 350));
    host.process.kill("SIGTERM");

    expect((await host.ended).code).toBe(143);
  });

  it("by Ctrl-C in a terminal shows what it waits for, and the answer still arrives", async () => {
    const home = freshHome();
    const terminal = startInTerminal(["up", "--port", "0", "--home", home]);
    await terminal.says("/help says how this works");
    terminal.type("think: 2\\\rsay: in time\r");
    await liveTurn(home);

    terminal.type(CTRL_C);
    await terminal.says("1 live turn left (terminal:default");
    const { code, stdout } = await terminal.ended;

    expect(code).toBe(0);
    expect(stdout).toMatch(/live turn left.*in time\r\n/s);
    expect(stdout).toMatch(/web chat {2}http:\/\/127\.0\.0\.1:\d+\/login#\S+/);
    expect(stdout).toContain(`put ANTHROPIC_API_KEY=… in ${home}/.env`);
  });

  it("by a second Ctrl-C ends it now", async () => {
    const home = freshHome();
    const terminal = startInTerminal(["up", "--port", "0", "--home", home]);
    await terminal.says("/help says how this works");
    terminal.type("think: 30\r");
    await liveTurn(home);

    terminal.type(CTRL_C);
    await terminal.says("1 live turn left");
    await terminal.says("1 s). Ctrl-C again");
    await terminal.says("2 s). Ctrl-C again");
    terminal.type(CTRL_C);

    expect((await terminal.ended).code).toBe(130);
  });

  it("by kill -9 loses nothing: who asked gets the answer of the next start", async () => {
    const home = freshHome();
    const first = await startHost(home);
    const asked = start(["ask", "--home", home, "think: 1\nsay: after all"]);
    await liveTurn(home);

    first.process.kill("SIGKILL");
    await first.ended;
    await startHost(home);

    expect(await asked.ended).toMatchObject({ code: 0, stdout: "after all\n" });
  });
});

describe("without a host", () => {
  afterEach(cleanUp);

  it.each([["ask", "hi"], ["status"], ["stop"], ["login"]])(
    "bellhop %s says how to start one",
    async (...args) => {
      const home = freshHome();

      const ended = await run([...args, "--home", home]);

      expect(ended).toMatchObject({ code: 1, stdout: "" });
      expect(ended.stderr).toBe(
        `No Bellhop is running on ${home}. Start it with: bellhop up (in the repository: npm start).\n`,
      );
      expect(existsSync(home)).toBe(false);
    },
  );
});

describe("a start that cannot be", () => {
  afterEach(cleanUp);
  const up = (home: string, ...args: string[]) => run(["up", "--no-terminal", "--home", home, ...args]);

  it("says which port is taken", async () => {
    const blocker = createServer();
    await new Promise<void>((resolve) => blocker.listen(0, "127.0.0.1", resolve));
    const port = z.object({ port: z.number() }).parse(blocker.address()).port;

    const ended = await up(freshHome(), "--port", String(port));
    blocker.close();

    expect(ended).toMatchObject({ code: 1, stdout: "" });
    expect(ended.stderr).toMatch(new RegExp(`^[^\\n]*\\b${port}\\b[^\\n]*--port[^\\n]*\\n$`));
  });

  it("says that the home cannot be written", async () => {
    const root = process.getuid?.() === 0;
    const home = root ? freshHome() : "/root/bellhop";

    // An ordinary user in a folder of root's.
    const ended = await run(["up", "--no-terminal", "--home", home], root ? { uid: 65_534 } : {});

    expect(ended).toMatchObject({ code: 1, stdout: "" });
    expect(ended.stderr).toMatch(/^[^\n]*cannot be used[^\n]*--home or BELLHOP_HOME[^\n]*\n$/);
    expect(existsSync(home)).toBe(false);
  });

  it("names the line of a broken configuration, and touches nothing", async () => {
    const home = freshHome();
    mkdirSync(home, { mode: 0o700 });
    const file = join(home, "config.yaml");
    writeFileSync(file, "assistant: Ada\nhttp:\n  port: many\n");

    const ended = await up(home);

    expect(ended).toMatchObject({ code: 1, stdout: "" });
    expect(ended.stderr).toContain(`${file}, line 3`);
    expect(ended.stderr).not.toContain("    at ");
    expect(readdirSync(home)).toEqual(["config.yaml"]);
  });

  it("warns of a setting that does not exist, and starts", async () => {
    const home = freshHome();
    mkdirSync(home, { mode: 0o700 });
    writeFileSync(join(home, "config.yaml"), "asistant: Ada\n");

    const host = await startHost(home);

    expect(host.said()).toContain("did you mean assistant?");
  });
});

describe("the pages of help", () => {
  it.each(["up", "chat", "ask", "status", "stop", "login"])(
    "of %s say what it does, with examples and exit codes",
    async (name) => {
      const { code, stdout } = await run([name, "--help"]);

      expect(code).toBe(0);
      expect(stdout).toMatch(new RegExp(`^Usage: bellhop ${name} `));
      expect(stdout).toMatch(/Examples?:\n {2}\S/);
      expect(stdout).toContain("Exit codes: 0 ");
    },
  );
});

const Page = z.object({ events: z.array(ChatEvent) });

async function events({ url, token }: Host, chat: string) {
  const response = await fetch(`${url}/api/v1/chats/${encodeURIComponent(chat)}/messages?limit=200`, {
    headers: { authorization: `Bearer ${token}` },
  });
  return Page.parse(await response.json()).events;
}

/** What the assistant said in a chat. */
async function texts(host: Host, chat: string) {
  const found = await events(host, chat);
  return found.flatMap((event) =>
    event.type === "message" && event.direction === "out" ? [event.text] : [],
  );
}

/** Resolves once a turn is live. The command is asked again: a status has no event to await. */
async function liveTurn(home: string) {
  for (;;) {
    const { stdout } = await run(["status", "--json", "--home", home]);
    if (stdout !== "" && Status.parse(JSON.parse(stdout)).turns.length > 0) return;
  }
}
