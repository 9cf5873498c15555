import { RejectedError, TemporaryError } from "@bellhop/sdk";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { editInstalled, installedFile } from "../installed.ts";
import { givenRoom, installedOf, type Written, writePlugin } from "./a-room.ts";

const shout = (sign: string, more: Partial<Written> = {}): Written => ({
  name: "shout",
  code: `{ hooks: { onInbound: (event) => ({ text: event.text.toUpperCase() + context.settings.sign, pid: process.pid }) } }`,
  manifest: {
    hooks: ["onInbound"],
    settings: {
      type: "object",
      properties: { sign: { type: "string", default: "!" } },
      additionalProperties: false,
    },
  },
  installed: { settings: { sign } },
  ...more,
});

describe("the plugins of a host", () => {
  it("come, change and go while it runs, and no other plugin notices", async () => {
    const { room, plugin, running, until, write, paths, status } = await givenRoom([
      {
        name: "other",
        code: `{ hooks: { onInbound: () => started } }`,
        before: "const started = Date.now();",
        manifest: { hooks: ["onInbound"] },
      },
    ]);
    await room.start(20_000);
    const started = await plugin("other").hook("onInbound", null);
    const say = async () => await plugin("shout").hook("onInbound", { text: "hello" });

    await write(shout("!"));
    await running("shout");
    expect(await say()).toMatchObject({ text: "HELLO!" });

    await write(shout("?"));
    await until("shout", (one) => one?.state === "starting");
    await running("shout");
    expect(await say()).toMatchObject({ text: "HELLO?" });

    await write({ ...shout("?"), installed: { enabled: false } });
    await until("shout", (one) => one?.state === "disabled");
    expect(room.active().map(({ name }) => name)).toEqual(["other"]);

    await write(shout("."));
    await running("shout");
    await editInstalled(paths, ({ shout: _gone, ...all }) => all);
    await rm(join(paths.plugins, "shout"), { recursive: true });
    await until("shout", (one) => one === undefined);

    expect(status("other")).toMatchObject({ state: "running", crashes: 0 });
    expect(await plugin("other").hook("onInbound", null)).toBe(started);
  });

  it("are used only as far as somebody approved them, and say why they are not", async () => {
    const code = `{ hooks: { onInbound() {} } }`;
    const hooks = ["onInbound"];
    const { room, paths } = await givenRoom([
      {
        name: "grown",
        code,
        manifest: { hooks },
        installed: { approved: ["runs a program of its own on this machine"] },
      },
      { name: "unknown", code, manifest: { hooks }, unknown: true },
      {
        name: "unset",
        code,
        manifest: {
          hooks,
          settings: { type: "object", required: ["host"], properties: { host: { type: "string" } } },
        },
      },
      {
        name: "poor",
        code,
        manifest: { hooks, environment: [{ name: "TOKEN", description: "of it", required: true }] },
      },
      { name: "silent", manifest: { skills: ["skills/a"] } },
    ]);
    await mkdir(join(paths.plugins, "broken"));
    await writeFile(join(paths.plugins, "broken", "plugin.json"), "{");
    await editInstalled(paths, (all) => ({ ...all, lost: installedOf({ name: "lost" }) }));
    await writePlugin(join(paths.plugins, "elsewhere"), { name: "silent" });
    await rename(join(paths.plugins, "elsewhere"), join(paths.plugins, "again"));

    await room.start(20_000);

    const why = Object.fromEntries(room.list().map((one) => [one.name, `${one.state}: ${one.why}`]));
    expect(why).toEqual({
      broken: expect.stringMatching(/^refused: .*is no manifest that can be used: is not JSON/),
      grown: expect.stringMatching(
        /^refused: it asks for more than was approved: hook onInbound: .*bellhop plugins enable grown/,
      ),
      lost: expect.stringMatching(/^refused: its code is not there/),
      poor: "refused: it needs TOKEN; put it into the home's .env",
      silent: expect.stringMatching(/^refused: several plugins have this name, in .*again and .*silent/),
      unknown: expect.stringMatching(/^new: nobody has approved it yet/),
      unset: expect.stringMatching(/^refused: its settings do not hold: host: /),
    });
    expect(room.active()).toEqual([]);
  });

  it("starts what was waiting for a variable, once it is in .env", async () => {
    const { room, running, paths, plugin } = await givenRoom([
      {
        name: "poor",
        code: `{ hooks: { onInbound: () => process.env.TOKEN } }`,
        manifest: {
          hooks: ["onInbound"],
          environment: [{ name: "TOKEN", description: "of it", required: true }],
        },
      },
    ]);
    await room.start(20_000);

    await writeFile(paths.env, "TOKEN=secret-token\n");
    await running("poor");

    expect(await plugin("poor").hook("onInbound", null)).toBe("secret-token");
  });

  it("go on as they were while installed.json is broken, and the owner is told (G33)", async () => {
    const { room, told, paths, plugin } = await givenRoom([shout("!")]);
    await room.start(20_000);

    await writeFile(installedFile(paths), "{");
    await expect.poll(() => told, { timeout: 10_000 }).toHaveLength(1);

    expect(told[0]).toMatch(/installed.json does not hold together.*What it said before still holds/);
    expect(await plugin("shout").hook("onInbound", { text: "a" })).toMatchObject({ text: "A!" });
  });

  it("offer tools, commands and routes, and refuse what they did not declare", async () => {
    const { room, plugin } = await givenRoom([
      {
        name: "offers",
        code: `{
          tools: {
            add: ({ a, b }, { group }) => group + ":" + (a + b),
            refuse: () => { throw new sdk.RejectedError("not today") },
            fail: () => { throw new Error("oh") },
          },
          commands: { greet: async ({ args, print, ask }) => { print("hello " + args[0]); print(await ask("again?", { secret: true })); return 3 } },
          routes: (request) => ({ status: 201, headers: { "x-a": "b" }, body: Buffer.concat([Buffer.from(request.path), request.body]) }),
        }`,
        manifest: {
          tools: ["add", "refuse", "fail"].map((name) => ({
            name,
            description: "does",
            input: {},
            effect: "read",
          })),
          commands: [{ name: "greet", description: "greets" }],
          capabilities: ["routes"],
        },
      },
    ]);
    await room.start(20_000);
    const call = { group: "main", chat: "web:a", turn: "t" };
    const tool = (name: string) => plugin("offers").tool(name, { a: 1, b: 2 }, call);

    expect(await tool("add")).toBe("main:3");
    await expect(tool("refuse")).rejects.toThrow(new RejectedError("not today"));
    await expect(tool("fail")).rejects.toThrow("fail failed: oh");
    await expect(tool("steal")).rejects.toThrow("does not declare the tool steal");
    await expect(plugin("offers").hook("onInbound", null)).rejects.toThrow(
      "does not declare the hook onInbound",
    );

    const lines: string[] = [];
    const io = {
      print: (line: string) => lines.push(line),
      ask: async (text: string, { secret }: { secret: boolean }) => `${text} ${secret}`,
      signal: new AbortController().signal,
    };
    expect(await room.command("offers", "greet", ["Ann"], io)).toBe(3);
    expect(lines).toEqual(["hello Ann", "again? true"]);
    await expect(room.command("offers", "leave", [], io)).rejects.toThrow("has no command leave");

    const body = Buffer.alloc(1024 * 1024, 7);
    const answer = await room.route("offers", {
      method: "POST",
      path: "/in",
      query: {},
      headers: {},
      body,
      remote: "",
    });
    expect(answer).toMatchObject({ status: 201, headers: { "x-a": "b" } });
    expect(Buffer.compare(Buffer.from(answer.body ?? ""), Buffer.concat([Buffer.from("/in"), body]))).toBe(0);
  });

  it("ask the host for their powers, and are told why one is refused", async () => {
    const { room, plugin } = await givenRoom(
      [
        {
          name: "asks",
          code: `{ hooks: { onInbound: async () => [await context.state.get("a"), await context.host.status().catch((error) => error instanceof sdk.RejectedError && error.message)] } }`,
          manifest: { hooks: ["onInbound"] },
        },
      ],
      {
        serve: async (asking, method, params) => {
          if (method === "status") throw new RejectedError("declare the capability status");
          return [asking.name, method, params];
        },
      },
    );
    await room.start(20_000);

    expect(await plugin("asks").hook("onInbound", null)).toEqual([
      ["asks", "state.get", { key: "a" }],
      "declare the capability status",
    ]);
  });

  it("connect an account by steps, also before what they need is there", async () => {
    const { room, secrets } = await givenRoom([
      {
        name: "chat",
        code: `{
          channels: [],
          async *auth() {
            const token = yield { step: "ask", name: "TOKEN", text: "The token?", secret: true };
            if (token !== "right") throw new sdk.ConfigError("that token is wrong");
            yield { step: "wait", text: "a moment" };
            yield { step: "done", account: "", text: "connected", keep: { TOKEN: token } };
          },
        }`,
        manifest: { channel: true, environment: [{ name: "TOKEN", description: "of it", required: true }] },
      },
    ]);
    await room.start(20_000);

    const answered = async (answer: string) => {
      const session = await room.startAuth("chat");
      const steps: string[] = [];
      for await (const step of session.steps) {
        steps.push(step.step);
        if (step.step === "ask") session.answer(answer);
      }
      return steps;
    };

    expect(await answered("right")).toEqual(["ask", "wait", "done"]);
    expect(secrets).toContainEqual({ name: "TOKEN", value: "right" });
    await expect(answered("wrong")).rejects.toThrow("that token is wrong");
    const session = await room.startAuth("chat");
    session.cancel();
    await expect(Array.fromAsync(session.steps)).rejects.toThrow(TemporaryError);
  });
});
