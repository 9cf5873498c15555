import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { homePaths } from "../../config.ts";
import { readInstalled } from "../../plugins/installed.ts";
import {
  tarballOf,
  temporaryFolder,
  weather,
  writeFiles,
} from "../../plugins/market/__tests__/plugin-folders.ts";
import { type Answers, runAt } from "./fake-terminal.ts";

const YES: Answers = [
  [/Which groups/, ""],
  [/On which channels/, ""],
  [/yes or no/, "yes"],
];
const NO: Answers = [...YES.slice(0, 2), [/yes or no/, "no"]];

const MAIL = {
  entry: "index.js",
  channel: false,
  tools: [{ name: "read_mail", description: "Reads mail.", input: { type: "object" }, effect: "read" }],
  environment: [{ name: "MAIL_PASSWORD", description: "the password", required: true }],
  variables: [{ name: "MAIL_FOLDER", description: "the folder" }],
  credentials: [
    { secret: "MAIL_TOKEN", description: "its token", bindings: [{ host: "mail.example", as: "bearer" }] },
  ],
  settings: {
    type: "object",
    properties: { days: { type: "integer", description: "how far back" } },
    required: ["days"],
  },
  personalData: true,
};

async function given() {
  const home = join(await temporaryFolder(), "home");
  const paths = homePaths(home);
  const env = { PATH: process.env["PATH"], BELLHOP_HOME: home };
  return {
    paths,
    run: async (args: readonly string[], answers?: Answers) =>
      await runAt(["plugins", ...args], env, answers),
    installed: async (name = "weather") => (await readInstalled(paths))[name],
    version: async (name = "weather"): Promise<unknown> =>
      JSON.parse(await readFile(join(paths.plugins, name, "package.json"), "utf8")).version,
    env: async () => await readFile(paths.env, "utf8"),
  };
}

describe("bellhop plugins add", () => {
  it("shows what it asks for, asks whom it is for, and then once", async () => {
    const { run, installed } = await given();
    const file = await tarballOf(weather({ egress: [{ host: "sky.example" }] }));

    const { code, out, told, asked } = await run(["add", file], [[/Which groups/, "main, family"], ...YES]);

    expect(code).toBe(0);
    expect(out).toBe("weather 1.0.0 is added.\n");
    expect(told).toContain("  agents reach out at sky.example");
    expect(asked).toEqual([
      expect.stringMatching(/groups.* \[all\]$/),
      expect.stringMatching(/channels.* \[all\]$/),
      "Add weather and let it have that? (yes or no) [no]",
    ]);
    expect(await installed()).toMatchObject({
      version: "1.0.0",
      source: { from: "tarball", place: file },
      enabled: true,
      scope: { groups: ["main", "family"], channels: "all" },
      approved: [expect.stringContaining("sky.example"), "skill skills/weather: agents read and follow it"],
    });
  });

  it("changes nothing where they do not want it, or nobody can be asked", async () => {
    const { run, paths, installed } = await given();
    const file = await tarballOf(weather());

    const refused = await run(["add", file], NO);
    const alone = await run(["add", file]);

    expect([refused.code, alone.code]).toEqual([1, 1]);
    expect(alone.told).toContain("say --yes");
    expect(await installed()).toBeUndefined();
    expect((await readdir(paths.plugins)).filter((name) => name !== ".staged")).toEqual([]);
    expect(await readdir(join(paths.plugins, ".staged"))).toEqual([]);
  });

  it("asks for what it needs; secrets go to .env, unseen, and settings to what was decided", async () => {
    const { run, installed, env } = await given();
    const file = await tarballOf(weather(MAIL, { "index.js": "" }));

    const { code, told } = await run(
      ["add", file],
      [
        [/^MAIL_PASSWORD/, "hunter2 hunter2"],
        [/^Give MAIL_TOKEN/, "yes"],
        [/^MAIL_TOKEN/, "token-of-mail"],
        [/^MAIL_FOLDER/, "INBOX"],
        [/^days/, "7"],
        ...YES,
      ],
    );

    expect(code).toBe(0);
    expect(told).not.toContain("hunter2");
    expect(await env()).toBe("MAIL_PASSWORD=hunter2 hunter2\nMAIL_TOKEN=token-of-mail\n");
    expect(await installed()).toMatchObject({
      settings: { days: 7 },
      variables: { "*": { MAIL_FOLDER: "INBOX" } },
      scope: { groups: ["main"] },
    });
  });

  it("warns when private data would reach all groups", async () => {
    const { run } = await given();
    const file = await tarballOf(weather({ personalData: true }));

    const all = await run(["add", file], [[/Which groups/, "all"], ...NO]);
    const main = await run(["add", file], NO);

    expect(all.told).toMatch(/Warning: It holds somebody's private data/);
    expect(main.told).not.toContain("Warning");
  });

  it("says without a terminal all that is missing, and takes no secret from the command line", async () => {
    const { run, paths, installed } = await given();
    const file = await tarballOf(weather(MAIL, { "index.js": "" }));

    const missing = await run(["add", file, "--yes"]);
    const listed = await run(["add", file, "--yes", "--set", "MAIL_PASSWORD=secret"]);
    await writeFile(paths.env, "MAIL_PASSWORD=from a manager\n");
    const whole = await run(["add", file, "--yes", "--set", "days=3", "--set", "MAIL_FOLDER=Work"]);

    expect(missing.told).toMatch(/MAIL_PASSWORD.*\.env[^]*days.*--set/);
    expect(listed.told).toMatch(/MAIL_PASSWORD is a secret/);
    expect(whole.code).toBe(0);
    expect(await installed()).toMatchObject({
      settings: { days: 3 },
      variables: { "*": { MAIL_FOLDER: "Work" } },
    });
  });

  it.each([
    [weather({ skills: ["skills/none"] }), /names skills\/none\/SKILL\.md/],
    [weather({ minCoreVersion: "99.0.0" }), /needs Bellhop 99\.0\.0/],
    [{ "package.json": '{"name":"left-pad","version":"1.0.0"}' }, /It is no plugin/],
  ])("refuses what does not hold together", async (files, why) => {
    const { run, installed } = await given();

    const { code, told } = await run(["add", await tarballOf(files), "--yes"]);

    expect(code).toBe(1);
    expect(told).toMatch(why);
    expect(await installed()).toBeUndefined();
  });

  it("uses a folder where it lies with --link", async () => {
    const { run, paths } = await given();
    const folder = await writeFiles(await temporaryFolder(), weather());

    await run(["add", folder, "--link", "--yes"]);
    await writeFiles(folder, weather({ version: "1.0.1" }));

    expect((await run(["list"])).out).toMatch(/^weather +1\.0\.1 +on /m);
    await run(["remove", "weather", "--yes"]);
    expect(await readdir(folder)).toEqual(["package.json", "skills"]);
    expect((await readdir(paths.plugins)).toSorted()).toEqual([".staged", "installed.json"]);
  });

  it("takes what a catalogue lists", async () => {
    const { run, paths, installed } = await given();
    const place = await writeFiles(await temporaryFolder(), {
      "index.json": JSON.stringify({ bellhopPlugins: 1, plugins: [{ name: "weather", add: "./weather" }] }),
    });
    await writeFiles(join(place, "weather"), weather());
    await mkdir(paths.home, { recursive: true });
    await writeFile(paths.config, `plugins: { indexes: ["${place}/index.json", "${place}/gone.json"] }\n`);

    const found = await run(["search", "weather"]);
    const added = await run(["add", "weather", "--yes"]);

    expect(found.out).toContain("bellhop plugins add");
    expect(found.told).toContain("gone.json");
    expect(added.code).toBe(0);
    expect(await installed()).toMatchObject({ source: { from: "folder", path: join(place, "weather") } });
  });

  it("takes over a NanoClaw folder, and asks for the hosts and secrets that it does not declare", async () => {
    const { run, installed, paths, env } = await given();
    const folder = await writeFiles(await temporaryFolder(), {
      "plugin.json": JSON.stringify({ name: "brave-search", containerEnvVars: ["BRAVE_API_KEY"], hooks: [] }),
      "container-skills/SKILL.md":
        "---\nname: brave\ndescription: Searches.\n---\ncurl https://api.brave.net/search\n",
    });

    const { code, told } = await run(
      ["add", folder],
      [
        [/Which hosts may agents reach/, "api.brave.net"],
        [/Is BRAVE_API_KEY a secret/, ""],
        [/To which hosts may BRAVE_API_KEY/, ""],
        [/^Give BRAVE_API_KEY/, "yes"],
        [/^BRAVE_API_KEY/, "the-key-of-brave"],
        ...YES,
      ],
    );

    expect(code).toBe(0);
    expect(told).toContain("Its texts name api.brave.net.");
    expect(await env()).toBe("BRAVE_API_KEY=the-key-of-brave\n");
    expect(await installed("brave-search")).toMatchObject({
      approved: [
        "agents see BRAVE_API_KEY, a secret, as a placeholder",
        expect.stringContaining("agents use BRAVE_API_KEY at api.brave.net"),
        expect.stringContaining("agents reach out at api.brave.net"),
        "skill skills/brave-search: agents read and follow it",
      ],
    });
    expect(await readdir(join(paths.plugins, "brave-search"))).toEqual(["plugin.json", "skills"]);
  });
});

describe("bellhop plugins update", () => {
  async function updated(from: object, to: object, answers?: Answers) {
    const house = await given();
    const folder = await writeFiles(await temporaryFolder(), weather(from));
    await house.run(["add", folder, "--yes", "--scope-groups", "family"]);
    await writeFiles(folder, weather(to));
    return { ...house, result: await house.run(["update", "weather"], answers) };
  }
  const MORE = { version: "1.1.0", egress: [{ host: "sky.example" }] };

  it("keeps whom it is for and asks nothing where nothing more is asked for", async () => {
    const { result, installed, version } = await updated({}, { version: "1.0.1" });

    expect(result).toMatchObject({ code: 0, asked: [], out: "weather 1.0.1 is updated.\n" });
    expect(await version()).toBe("1.0.1");
    expect(await installed()).toMatchObject({ version: "1.0.1", scope: { groups: ["family"] } });
  });

  it("shows what more it asks for; refused, the old one stays", async () => {
    const { result, installed, version } = await updated({}, MORE, NO);

    expect(result.code).toBe(1);
    expect(result.told).toMatch(/has changed:\n {2}\+ agents reach out at sky\.example/);
    expect(await version()).toBe("1.0.0");
    expect(await installed()).toMatchObject({
      version: "1.0.0",
      approved: [expect.stringContaining("skill")],
    });
  });

  it("shows what more it asks for; approved, the new one is there", async () => {
    const { result, installed, version } = await updated({}, MORE, YES);

    expect(result.asked).toEqual([expect.stringContaining("Update weather")]);
    expect(await version()).toBe("1.1.0");
    expect((await installed())?.approved).toHaveLength(2);
  });

  it("never goes down a version, and never takes another plugin's place", async () => {
    const { run, version, result } = await updated({ version: "2.0.0-rc.2" }, { version: "2.0.0-rc.1" }, YES);
    expect(result.told).toMatch(/never goes down/);

    await run(["remove", "weather", "--yes"]);
    await run(["add", await tarballOf(weather()), "--yes"]);
    const other = await writeFiles(await temporaryFolder(), weather({ version: "9.0.0" }));
    const git = await run(["add", `file://${other}`, "--yes"]);

    expect(git.code).toBe(1);
    expect(await version()).toBe("1.0.0");
  });
});

describe("bellhop plugins remove", () => {
  it("takes its secrets along, but for those that something else uses; what it keeps stays without --purge", async () => {
    const { run, paths, env, installed } = await given();
    const variables = ["ONE_TOKEN", "TWO_TOKEN", "SECRETS_TOKEN", "ROUTE_TOKEN", "ENV_TOKEN"].map((name) => ({
      name,
      description: name,
      secret: true,
    }));
    const other = JSON.stringify({
      name: "bellhop-plugin-other",
      version: "1.0.0",
      bellhop: { variables: [{ name: "TWO_TOKEN", description: "shared", secret: true }] },
    });
    await run(["add", await tarballOf(weather({ variables })), "--yes"]);
    await run(["add", await tarballOf({ "package.json": other }), "--yes"]);
    const all = variables.map(({ name }) => `${name}=value-of-it`).join("\n");
    await writeFile(paths.env, `# mine\nANTHROPIC_API_KEY=model-key\n${all}\n`);
    await writeFile(paths.secrets, "WIKI: { from: '.env:SECRETS_TOKEN' }\n");
    await writeFile(paths.config, "models: { routes: {} } # ROUTE_TOKEN\n");
    await writeFiles(join(paths.pluginsData, "weather"), { notes: "kept" });

    const { code, told } = await run(["remove", "weather"], YES);

    expect(code).toBe(0);
    expect(told).toMatch(/ONE_TOKEN in \.env, ENV_TOKEN in \.env\./);
    expect(await env()).toBe(
      "# mine\nANTHROPIC_API_KEY=model-key\nTWO_TOKEN=value-of-it\nSECRETS_TOKEN=value-of-it\nROUTE_TOKEN=value-of-it\n",
    );
    expect(await installed()).toBeUndefined();
    expect((await readdir(paths.plugins)).toSorted()).toEqual([".staged", "installed.json", "other"]);
    expect(await readdir(join(paths.pluginsData, "weather"))).toEqual(["notes"]);

    await run(["remove", "other", "--yes", "--purge"]);
    expect(await env()).not.toContain("TWO_TOKEN");
  });
});

describe("bellhop plugins list, info, enable and disable", () => {
  it("say how each stands, and turn one off and on", async () => {
    const { run, paths } = await given();
    await run(["add", await tarballOf(weather()), "--yes"]);
    await writeFiles(join(paths.plugins, "broken"), { "plugin.json": "{" });
    await run(["disable", "weather"]);

    const { out } = await run(["list"]);
    expect(out).toMatch(/^broken .* refused .*is not JSON/m);
    expect(out).toMatch(/^weather .* off /m);
    expect((await run(["info", "weather"])).out).toMatch(
      /^weather 1\.0\.0, off\n[^]*It asks for:\n {2}skill/,
    );

    await run(["enable", "weather"]);
    expect((await run(["list"])).out).toMatch(/^weather .* on /m);
  });

  it("approve what a plugin asks for beyond what it was approved for", async () => {
    const { run, paths, installed } = await given();
    await run(["add", await tarballOf(weather()), "--yes"]);
    await writeFiles(join(paths.plugins, "weather"), weather({ egress: [{ host: "sky.example" }] }));

    expect((await run(["list"])).out).toMatch(/asks for more/);
    expect((await run(["info", "weather"])).out).toMatch(/not approved: agents reach out/);
    expect((await run(["enable", "weather"], NO)).code).toBe(1);
    expect((await run(["enable", "weather"], YES)).code).toBe(0);
    expect((await installed())?.approved).toHaveLength(2);
  });
});

describe("bellhop plugins audit", () => {
  it("reads one that is here, and one that is not against it", async () => {
    const { run } = await given();
    await run(["add", await tarballOf(weather()), "--yes"]);
    const newer = await tarballOf(weather({ version: "1.1.0", egress: [{ host: "sky.example" }] }));

    const here = await run(["audit", "weather"]);
    const against = await run(["audit", newer]);

    expect(here.out).toMatch(/^What it asks for\n {2}skill[^]*Ask the sky\.[^]*It proves nothing/);
    expect(against.out).toMatch(
      /^weather, against the one that is here:\nWhat it asks for\n {2}\+ agents reach out/,
    );
    expect(against.out).not.toContain("Ask the sky.");
  });
});

describe("bellhop plugins run", () => {
  it(
    "runs a command of the plugin's, which may ask, and ends as that says",
    { timeout: 60_000 },
    async () => {
      const { run, paths } = await given();
      const commands = [{ name: "login", description: "connects an account" }];
      const environment = [{ name: "MAIL_HOST", description: "where" }];
      const code = `export default ({ environment }) => ({
      commands: {
        async login({ args, print, ask }) {
          const password = await ask("Password?", { secret: true });
          print([environment.MAIL_HOST, ...args, password.length, typeof process.env.OTHER].join(" "));
          return 3;
        },
      },
    });`;
      await mkdir(paths.home, { recursive: true });
      await writeFile(paths.env, "MAIL_HOST=mail.example\nOTHER=1\n");
      await run([
        "add",
        await tarballOf(weather({ entry: "main.js", commands, environment }, { "main.js": code })),
        "--yes",
      ]);

      const ran = await run(["run", "weather", "login", "ann", "--force"], [[/Password/, "hunter22"]]);
      const alone = await run(["run", "weather", "login"]);
      const unknown = await run(["run", "weather", "logout"]);

      expect(ran).toMatchObject({ code: 3, out: "mail.example ann --force 8 undefined\n" });
      expect(alone.told).toMatch(/nobody can answer/);
      expect(unknown.told).toMatch(/it has\n {2}login: connects an account/);
    },
  );

  it("runs nothing that was not approved", async () => {
    const { run, paths } = await given();
    const commands = [{ name: "login", description: "connects an account" }];
    await writeFiles(
      join(paths.plugins, "weather"),
      weather({ entry: "main.js", commands }, { "main.js": "evil()" }),
    );

    expect((await run(["run", "weather", "login"])).told).toMatch(/not approved/);
  });
});

describe("bellhop plugins set", () => {
  const SKY = {
    variables: [
      { name: "CITY", description: "the city" },
      { name: "SKY_KEY", description: "its key", secret: true },
    ],
    settings: { type: "object", properties: { days: { type: "integer", description: "how far" } } },
  };

  it("changes whom it is for, its settings and values of groups, and leaves the rest", async () => {
    const { run, installed } = await given();
    await run(["add", await tarballOf(weather(SKY)), "--yes", "--set", "days=3"]);

    const scope = ["--scope-groups", "main,family", "--scope-channels", "web"];
    const values = ["--set", "CITY=Graz", "--variable", "family/CITY=Wien"];
    const { code, out } = await run(["set", "weather", ...scope, ...values]);

    expect([code, out]).toEqual([0, "weather is changed.\n"]);
    expect(await installed()).toMatchObject({
      scope: { groups: ["main", "family"], channels: ["web"] },
      settings: { days: 3 },
      variables: { "*": { CITY: "Graz" }, family: { CITY: "Wien" } },
      revealed: [],
    });
    await run(["set", "weather", "--variable", "family/CITY="]);
    expect(await installed()).toMatchObject({ variables: { "*": { CITY: "Graz" }, family: {} } });
  });

  it("reveals a secret to groups that are named, once its owner has said so, and takes it back", async () => {
    const { run, installed } = await given();
    await run(["add", await tarballOf(weather(SKY)), "--yes"]);

    const refused = await run(["set", "weather", "--reveal", "SKY_KEY=family"], NO);
    expect(refused.code).toBe(1);
    expect(await installed()).toMatchObject({ revealed: [] });

    const { told } = await run(["set", "weather", "--reveal", "SKY_KEY=family"], YES);
    expect(told).toContain("will see SKY_KEY as it is");
    expect(await installed()).toMatchObject({ revealed: [{ variable: "SKY_KEY", groups: ["family"] }] });

    await run(["set", "weather", "--reveal", "SKY_KEY="]);
    expect(await installed()).toMatchObject({ revealed: [] });
  });

  it.each([
    [["--reveal", "SKY_KEY=all"], /groups that you name/],
    [["--reveal", "CITY=family"], /no secret CITY/],
    [["--set", "SKY_KEY=x"], /is a secret/],
    [["--set", "days=many"], /days/],
    [["--set", "nothing=1"], /no setting "nothing"/],
  ])("refuses %j and changes nothing", async (args, why) => {
    const { run, installed } = await given();
    await run(["add", await tarballOf(weather(SKY)), "--yes"]);
    const before = await installed();

    const { code, told } = await run(["set", "weather", ...args, "--yes"]);

    expect(code).not.toBe(0);
    expect(told).toMatch(why);
    expect(await installed()).toEqual(before);
  });
});
