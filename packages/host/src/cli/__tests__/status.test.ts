import { describe, expect, it } from "vitest";
import { Status } from "../../core/status.ts";
import { ago, count, describeStatus } from "../status.ts";
import { describeWaiting } from "../waiting.ts";

const NOW = Date.UTC(2026, 0, 1, 12);
const TURN = "8f14e45f-ceea-467f-9575-2a3b3c1d0e4f";

describe("bellhop status", () => {
  it("says what runs and what waits, each on a line", () => {
    const text = describeStatus(
      given({
        turns: [
          {
            turn: TURN,
            chat: "terminal:default",
            state: "running",
            attempt: 2,
            startedAt: NOW - 3_000,
            note: "Bash",
          },
        ],
        waiting: [{ chat: "web:a", messages: 1, why: "another turn of its session runs" }],
      }),
      NOW,
    );

    expect(text).toContain("Bellhop   0.1.0, running for 2 min, process 4711\n");
    expect(text).toContain("turns     terminal:default: running for 3 s, attempt 2, Bash\n");
    expect(text).toContain("waiting   web:a: 1 message, another turn of its session runs\n");
    expect(text).toContain("model     rehearsal, a scripted stand-in\n");
    expect(text).not.toContain("$");
  });

  it("counts the tasks, and what is the matter with them", () => {
    const tasks = { active: 3, paused: 1, failing: 1, waiting: 2 };

    expect(describeStatus(given({ tasks }), NOW)).toContain(
      "tasks     3 scheduled, 2 waiting for their turn, 1 failed when last run, 1 paused (see: bellhop tasks list)\n",
    );
    expect(describeStatus(given({}), NOW)).not.toContain("tasks ");
  });

  it("tells how each plugin stands, and nothing where there is none", () => {
    const about = { version: "1.0.0", channel: true, crashes: 0 };
    const list = [
      { ...about, name: "chat", state: "running", rssBytes: 48 * 2 ** 20 },
      { ...about, name: "mail", state: "refused", why: "it needs TOKEN" },
      { ...about, name: "sms", state: "new" },
    ];

    expect(describeStatus(given({ plugins: { list, housing: "each in a house" } }), NOW)).toContain(
      "plugins   chat 1.0.0: running, 48 MiB\n" +
        "          mail 1.0.0: REFUSED, it needs TOKEN\n" +
        "          1 not approved (see: bellhop plugins list)\n" +
        "          each in a house\n",
    );
    expect(describeStatus(given({}), NOW)).not.toContain("plugins");
  });

  it("tells what of this machine is mounted, and what is refused, and why", () => {
    const mounts = [
      { group: "family", source: "~/recipes", target: "/workspace/extra/recipes", mode: "ro" },
      {
        group: "family",
        source: "~/.ssh",
        target: "/workspace/extra",
        mode: "ro",
        refused: "it is a secret",
      },
    ];

    expect(describeStatus(given({ mounts }), NOW)).toContain(
      "mounts    family: ~/recipes as /workspace/extra/recipes, ro\n" +
        "          family: ~/.ssh REFUSED, it is a secret\n",
    );
    expect(describeStatus(given({}), NOW)).not.toContain("mounts");
  });

  it("does not let a note drive the terminal", () => {
    const turns = [
      { turn: TURN, chat: "web:a", state: "running", attempt: 1, startedAt: NOW, note: "\u001b[2J" },
    ];

    expect(describeStatus(given({ turns }), NOW)).not.toContain("\u001b");
  });
});

describe("what a draining host waits for", () => {
  it("is its live turns, then its messages, then nothing", () => {
    const turns = [
      {
        turn: TURN,
        chat: "terminal:default",
        state: "running",
        attempt: 1,
        startedAt: NOW - 4_000,
        note: "",
      },
    ];
    const outbox = { open: 2, unknown: 0, dead: 0 };

    expect(describeWaiting(given({ turns, outbox }), NOW)).toBe(
      "Stopping; 1 live turn left (terminal:default, 4 s). Ctrl-C again ends it now.",
    );
    expect(describeWaiting(given({ outbox }), NOW)).toBe("Stopping; 2 messages to deliver.");
    expect(describeWaiting(given({}), NOW)).toBe("");
  });
});

describe("figures for people", () => {
  it("are in words", () => {
    expect([count(1, "message"), count(0, "message")]).toEqual(["1 message", "0 messages"]);
    expect([ago(-5), ago(59_999), ago(60_000), ago(3_720_000), ago(90_000_000)]).toEqual([
      "0 s",
      "59 s",
      "1 min",
      "1 h 2 min",
      "1 d 1 h",
    ]);
  });
});

describe("an account that cannot send", () => {
  it("is named with the reason", () => {
    const accounts = [{ channel: "telegram", account: "home", state: "down", why: "401, log in again" }];

    expect(describeStatus(given({ accounts }), NOW)).toMatch(
      /channel +telegram\/home: down, 401, log in again/,
    );
  });
});

describe("what plugins give", () => {
  it("is named with whom it is for, what is missing, and above all what secrets are shown", () => {
    const gifts = [
      { plugin: "weather", groups: "all", gives: ["skill outlook"], problems: ["its rule is odd"] },
      { plugin: "mail", groups: ["family"], gives: ["tool read", "tool send"], problems: [] },
    ];
    const revealed = [{ plugin: "mail", variable: "MAIL_KEY", groups: ["family"] }];

    const said = describeStatus(given({ gifts, revealed }), NOW);

    expect(said).toMatch(/gives +weather, to every group: skill outlook\ngives +weather: its rule is odd\n/);
    expect(said).toMatch(/gives +mail, to family: tool read, tool send\n/);
    expect(said).toMatch(/REVEALED +the secret MAIL_KEY, as it is, to the agents of family \(plugin mail\)/);
  });
});

function given(more: object): Status {
  return Status.parse({
    version: "0.1.0",
    pid: 4711,
    home: "/home/ada/.bellhop",
    url: "http://127.0.0.1:7407",
    startedAt: NOW - 125_000,
    draining: false,
    paused: null,
    assistant: "Bellhop",
    model: { provider: "rehearsal", name: "sonnet", routes: [{ name: "rehearsal", state: "well" }] },
    sandbox: { runtime: "bubblewrap", version: "0.8.0", limits: "cgroup-v1" },
    rooms: [],
    turns: [],
    waiting: [],
    tasks: { active: 0, paused: 0, failing: 0, waiting: 0 },
    dead: { turns: 0, newest: [] },
    outbox: { open: 0, unknown: 0, dead: 0 },
    usage: { calls: 3, inputTokens: 10, outputTokens: 5, costMicros: 0 },
    stuck: [],
    accounts: [],
    silent: [],
    mounts: [],
    pins: [],
    gifts: [],
    revealed: [],
    unregistered: 0,
    senders: { waiting: 0, problems: [] },
    plugins: { list: [], housing: "" },
    ...more,
  });
}
