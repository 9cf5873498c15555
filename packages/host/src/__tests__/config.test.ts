import { ConfigError } from "@bellhop/sdk";
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { DEFAULT_CONFIG } from "../config/template.ts";
import {
  type Environment,
  configJsonSchema,
  groupConfig,
  homeDirectory,
  loadConfig,
  policyDirectory,
  writeDefaultConfig,
} from "../config.ts";
import { GroupFolder } from "../core/ids.ts";

function scratch(): string {
  const directory = mkdtempSync(join(tmpdir(), "bellhop-config-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return directory;
}

function given({ yaml, dotEnv }: { yaml?: string; dotEnv?: string } = {}) {
  const home = scratch();
  if (yaml !== undefined) writeFileSync(join(home, "config.yaml"), yaml);
  if (dotEnv !== undefined) writeFileSync(join(home, ".env"), dotEnv, { mode: 0o600 });
  return { home, load: (env: Environment = {}, port?: number) => loadConfig({ home, env, flags: { port } }) };
}

describe("the configuration", () => {
  it("has a default for everything", () => {
    const { home, load } = given();

    const config = load();

    const unset = { turn: {}, day: {}, month: {} };
    expect(config).toEqual({
      home,
      policies: policyDirectory({}),
      userHome: homedir(),
      warnings: [],
      secrets: [],
      budgets: {
        install: {
          turn: { usd: 10, tokens: 50_000_000 },
          day: { usd: 50, tokens: 250_000_000 },
          month: { usd: 500, tokens: 2_500_000_000 },
        },
        group: unset,
        sender: unset,
        task: unset,
      },
      assistant: "Bellhop",
      timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      http: { host: "127.0.0.1", port: 7407, hosts: [] },
      engine: "claude",
      model: "sonnet",
      models: { routes: {}, claudeLogin: false },
      plugins: { indexes: [] },
      routes: [],
      claudeLogin: undefined,
      acp: undefined,
      sandbox: {
        runtime: "auto",
        image: "bellhop-agent:latest",
        door: "auto",
        chromiumSandbox: false,
        idleMinutes: 10,
        backgroundMinutes: 30,
        cpus: 2,
        memoryMb: 4096,
        pids: 256,
        tmpMb: 512,
      },
      limits: {
        sandboxes: 5,
        attempts: 3,
        drainSeconds: 60,
        parts: 8,
        fileMb: 64,
        mediaMb: 4096,
        taskIntervalSeconds: 60,
        taskRuns: 200,
        taskDays: 90,
      },
      egress: {
        mode: "ask",
        rules: [],
        connections: 48,
        requestsPerMinute: 1_200,
        requestMb: 256,
        responseMb: 4_096,
        minutes: 120,
      },
      defaults: {
        trigger: "auto",
        bots: false,
        queue: "steer",
        debounceSeconds: 0,
        contextMessages: 50,
        contextTokens: 8000,
        startSeconds: 60,
        silenceMinutes: 10,
        turnMinutes: 120,
      },
      owners: [],
      senders: { perMinute: 30, perHour: 300, chatPerMinute: 60 },
      notices: "web:notices",
      log: { level: "info" },
      groups: {},
      credentials: {},
      clientEnvironment: {},
    });
    expect(Object.isFrozen(config.limits)).toBe(true);
  });

  it("takes the file over the defaults, and the flags over the file", () => {
    const { load } = given({ yaml: "assistant: Alfred\nhttp:\n  port: 8000\ntimezone: Europe/Berlin\n" });

    expect(load()).toMatchObject({ assistant: "Alfred", timezone: "Europe/Berlin", http: { port: 8000 } });
    expect(load({}, 0).http.port).toBe(0);
    expect(() => load({}, 70_000)).toThrow("--port 70000 is not a port");
  });

  it("warns of a key it does not know, with its line and the nearest name, and goes on", () => {
    const { home, load } = given({
      yaml: "# mine\nasistant: Alfred\nlimits:\n  sandboxs: 2\n  attempts: 2\n  zzz: 1\n",
    });

    const config = load();

    expect(config).toMatchObject({ assistant: "Bellhop", limits: { sandboxes: 5, attempts: 2 } });
    expect([...config.warnings].sort()).toEqual([
      `${home}/config.yaml, line 2: asistant is not a setting; did you mean assistant?`,
      `${home}/config.yaml, line 4: limits.sandboxs is not a setting; did you mean sandboxes?`,
      `${home}/config.yaml, line 6: limits.zzz is not a setting.`,
    ]);
  });

  it.each([
    [
      "a value of the wrong kind",
      "model: opus\nhttp:\n  port: high\n",
      /config\.yaml, line 3: http\.port: .*expected/,
    ],
    ["a value out of range", "limits:\n  attempts: 99\n", /line 2: limits\.attempts: .*10/],
    ["a time zone that does not exist", "timezone: Mars/Olympus\n", /line 1: timezone: is not a time zone/],
    ["YAML that does not parse", "assistant: A\nhttp: [1,\n", /config\.yaml, line \d: .*Mend that line/],
    ["the same key twice", "model: a\nmodel: b\n", /line 2: .*unique/],
    ["a list where settings belong", "- a\n- b\n", /config\.yaml, line 1: .*expected object/],
    [
      "a folder no group can have",
      "groups:\n  My Group:\n    model: opus\n",
      /line 2: groups\.My Group: a group's name is/,
    ],
    [
      "a chat of two groups",
      "groups:\n  family:\n    chats: ['telegram:1']\n  work:\n    chats:\n      - telegram:1\n",
      /line 6: groups\.work\.chats\.0: telegram:1 stands in the group family too/,
    ],
    [
      "what is no pattern",
      "groups:\n  family:\n    pattern: 'hey (alfred'\n",
      /line 3: groups\.family\.pattern: is no pattern in RE2's syntax \(error parsing regexp: missing closing \)/,
    ],
    [
      "a pattern that would take time without a bound",
      "groups:\n  family:\n    pattern: '(?=alfred)'\n",
      /line 3: groups\.family\.pattern: is no pattern/,
    ],
    ["acp without a command", "engine: acp\n", /line 1: engine: is acp, so the section acp must name/],
    ["an alias bomb", `a: &a [x]\nb: &b [${"*a,".repeat(20)}]\nc: [${"*b,".repeat(20)}]\n`, /config\.yaml/],
  ])("refuses %s, and says where", (_, yaml, message) => {
    const { load } = given({ yaml });

    expect(() => load()).toThrow(ConfigError);
    expect(() => load()).toThrow(message);
  });

  it("names every mistake at once", () => {
    const { load } = given({ yaml: "model: 1\nengine: cloud\nlog:\n  level: loud\n" });

    expect(() => load()).toThrow(/line 1: model: [^]*line 2: engine: [^]*line 4: log\.level: /);
  });

  it("takes a section whose lines are all commented out as not there", () => {
    const { load } = given({ yaml: "http:\n#  port: 1\nlimits:\n" });

    expect(load()).toMatchObject({ http: { port: 7407, hosts: [] }, limits: { attempts: 3 }, warnings: [] });
  });

  it("takes secrets from .env, the environment's over them, and an empty one as none", () => {
    const { load } = given({ dotEnv: "ANTHROPIC_API_KEY=from-file\nCLAUDE_CODE_OAUTH_TOKEN='quoted'\n" });

    expect(load().credentials).toEqual({ apiKey: "from-file", oauthToken: "quoted" });
    expect(load({ ANTHROPIC_API_KEY: "from-env" }).credentials.apiKey).toBe("from-env");
    expect(load({ ANTHROPIC_API_KEY: "" }).credentials).toEqual({ oauthToken: "quoted" });
  });

  it("never shows the value of a secret that is wrong", () => {
    const { load } = given({ dotEnv: "ANTHROPIC_API_KEY='sk canary'\nANTHROPIC_BASE_URL=canary\n" });

    const message = (() => {
      try {
        return load();
      } catch (error) {
        return error;
      }
    })();

    expect(message).toBeInstanceOf(ConfigError);
    expect(String(message)).toMatch(/ANTHROPIC_API_KEY has spaces.*ANTHROPIC_BASE_URL is not an http/);
    expect(String(message)).not.toContain("canary");
    expect(message).not.toHaveProperty("cause");
  });

  it("counts all of .env and every credential as what must not leave", () => {
    const { load } = given({
      dotEnv: "ANTHROPIC_BASE_URL=https://me:p%40ssword1@models.example\nGITHUB_TOKEN=ghp-1234567\nEMPTY=\n",
    });

    expect(load({ ANTHROPIC_AUTH_TOKEN: "of-the-environment" }).secrets).toEqual(
      expect.arrayContaining([
        { name: "GITHUB_TOKEN", value: "ghp-1234567" },
        { name: "ANTHROPIC_AUTH_TOKEN", value: "of-the-environment" },
        { name: "the password in ANTHROPIC_BASE_URL", value: "p@ssword1" },
      ]),
    );
  });

  it("warns when others may read the secrets", () => {
    const { home, load } = given({ dotEnv: "" });
    chmodSync(join(home, ".env"), 0o644);

    expect(load().warnings).toEqual([expect.stringContaining("chmod 600")]);
  });

  it("gives a group its own settings over the install's", () => {
    const { load } = given({
      yaml: "model: opus\ngroups:\n  family:\n    assistant: Alfred\n    timezone: Europe/Lisbon\n",
    });

    const config = load();

    expect(groupConfig(config, GroupFolder.parse("family"))).toMatchObject({
      assistant: "Alfred",
      timezone: "Europe/Lisbon",
      engine: "claude",
      model: "opus",
    });
    expect(groupConfig(config, GroupFolder.parse("work")).assistant).toBe("Bellhop");
  });

  it("has a JSON schema that editors can use", () => {
    expect(configJsonSchema()).toMatchObject({
      type: "object",
      properties: { http: { properties: { port: { default: 7407, maximum: 65_535 } } } },
      additionalProperties: false,
    });
  });
});

describe("the model routes", () => {
  const routes = (text: string) => `models:\n  routes:\n    ${text}\n`;

  it("have their credentials from .env or the environment, and those are secrets", () => {
    const yaml = routes("work: { url: 'https://llm.test', auth: 'env:WORK_TOKEN', models: { sonnet: big } }");

    const config = given({ yaml }).load({ WORK_TOKEN: "tok-0123456789" });

    expect(config.routes).toEqual([
      {
        name: "work",
        url: "https://llm.test",
        key: { header: "bearer", value: "tok-0123456789" },
        models: { sonnet: "big" },
      },
    ]);
    expect(config.secrets).toEqual([{ name: "the model route work", value: "tok-0123456789" }]);
  });

  it("need none, and no TLS, on this machine", () => {
    const config = given({ yaml: routes("local: { url: 'http://127.0.0.1:11434' }") }).load();

    expect(config.routes).toMatchObject([{ name: "local", key: undefined }]);
  });

  it("find the Claude program's login only where its owner says so", () => {
    const env = { CLAUDE_CONFIG_DIR: "/c" };

    expect(given().load(env).claudeLogin).toBeUndefined();
    expect(given({ yaml: "models: { claudeLogin: true }\n" }).load(env).claudeLogin).toBe(
      "/c/.credentials.json",
    );
  });

  it.each([
    ["a credential in the file", "a: { url: 'https://me:secret-0@llm.test' }", "belongs into .env"],
    ["one that goes in the clear", "a: { url: 'http://llm.test', auth: TOKEN }", "in the clear"],
    ["a variable that is not set", "a: { url: 'https://llm.test', auth: TOKEN }", "TOKEN, which is not set"],
    ["a name of ours", "anthropic: { url: 'https://llm.test' }", "is taken"],
  ])("are refused for %s", (_what, text, why) => {
    const { load } = given({ yaml: routes(text) });

    expect(() => load()).toThrow(ConfigError);
    expect(() => load()).toThrow(why);
    expect(() => load()).not.toThrow("secret-0");
  });
});

describe("the default config.yaml", () => {
  it("is written once and never over another", () => {
    const { home, load } = given();

    expect(writeDefaultConfig(home)).toBe(true);
    writeFileSync(join(home, "config.yaml"), "model: mine\n");
    expect(writeDefaultConfig(home)).toBe(false);

    expect(readFileSync(join(home, "config.yaml"), "utf8")).toBe("model: mine\n");
    expect(load().model).toBe("mine");
    expect(statSync(join(home, "config.yaml")).mode & 0o777).toBe(0o600);
  });

  it("shows the true defaults: with its marks taken away it changes nothing", () => {
    const before = given().load();

    const shown = given({ yaml: DEFAULT_CONFIG.replaceAll(/^#(?=( {2})?[a-zA-Z]+:)/gm, "") }).load();

    expect({ ...shown, home: "" }).toEqual({ ...before, home: "" });
    expect(DEFAULT_CONFIG.match(/^#(?=( {2})?[a-zA-Z]+:)/gm)?.length).toBeGreaterThan(20);
  });

  it("has examples that hold, with both marks taken away", () => {
    const { load } = given({ yaml: DEFAULT_CONFIG.replaceAll(/^# #/gm, "") });

    const config = load();

    expect(config.warnings).toEqual([]);
    expect(config).toMatchObject({
      timezone: "Europe/Berlin",
      acp: { command: ["/opt/agent/agent", "--stdio"], mounts: [{ target: "/opt/agent" }] },
      groups: { family: { assistant: "Alfred", model: "haiku" } },
    });
  });
});

describe("the home's place", () => {
  it("is what was asked for, else BELLHOP_HOME, else in the user's own folder", () => {
    expect(homeDirectory({ home: "/a", env: { BELLHOP_HOME: "/b" } })).toBe("/a");
    expect(homeDirectory({ env: { BELLHOP_HOME: "/b" } })).toBe("/b");
    expect(homeDirectory({ env: { BELLHOP_HOME: "" } })).toMatch(/\/\.bellhop$/);
  });
});

describe("the place of the policies", () => {
  it("is apart from the home, where the user keeps settings", () => {
    expect(policyDirectory({ HOME: "/home/ada" })).toBe("/home/ada/.config/bellhop");
    expect(policyDirectory({ HOME: "/home/ada", XDG_CONFIG_HOME: "/etc/ada" })).toBe("/etc/ada/bellhop");
    expect(policyDirectory({ HOME: "/home/ada", XDG_CONFIG_HOME: "relative" })).toBe(
      "/home/ada/.config/bellhop",
    );
    expect(given().load({ HOME: "/home/ada" })).toMatchObject({
      policies: "/home/ada/.config/bellhop",
      userHome: "/home/ada",
    });
  });
});

describe("the mounts of a group", () => {
  it("are read-only unless they say otherwise, and nothing else may stand there", () => {
    const { groups } = given({
      yaml: "groups:\n  family:\n    mounts:\n      - { source: ~/recipes }\n      - { source: /srv/x, target: x, mode: rw }\n",
    }).load();

    expect(groups[GroupFolder.parse("family")]?.mounts).toEqual([
      { source: "~/recipes", mode: "ro" },
      { source: "/srv/x", target: "x", mode: "rw" },
    ]);
    expect(() => given({ yaml: "groups:\n  a:\n    mounts: [{ source: x, mode: rwx }]\n" }).load()).toThrow(
      /line 3/,
    );
  });
});
