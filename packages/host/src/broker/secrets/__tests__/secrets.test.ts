import { chmod, mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { ConfigError, RejectedError } from "@bellhop/sdk";
import { homePaths } from "../../../config.ts";
import { systemClock } from "../../../core/clock.ts";
import { GroupFolder, MAIN } from "../../../core/ids.ts";
import { silentLog } from "../../../log.ts";
import { temporaryDirectory } from "../../__tests__/given.ts";
import { SecretName } from "../file.ts";
import { openSecrets } from "../secrets.ts";

const family = GroupFolder.parse("family");
const kids = GroupFolder.parse("kids");
const WAIT = { timeout: 20_000 };

interface Home {
  readonly yaml?: string;
  readonly env?: string;
  readonly environment?: Record<string, string>;
  readonly forbidden?: readonly string[];
}

async function given({ yaml, env, environment = {}, forbidden = [] }: Home = {}) {
  const paths = homePaths(await temporaryDirectory());
  if (yaml !== undefined) await writeFile(paths.secrets, yaml);
  if (env !== undefined) await writeFile(paths.env, env, { mode: 0o600 });
  const known: string[] = [];
  const told: string[] = [];
  const open = async () => {
    const secrets = await openSecrets({
      paths,
      environment: { PATH: process.env["PATH"], ...environment },
      forbidden,
      known: (_from, values) => void known.push(...values),
      clock: systemClock,
      log: silentLog,
    });
    onTestFinished(secrets.close);
    secrets.onTrouble((text) => void told.push(text));
    return secrets;
  };
  const value = (secrets: Awaited<ReturnType<typeof open>>, name: string, group = MAIN) =>
    secrets.of(group).find((one) => one.name === name)?.value;
  const why = (secrets: Awaited<ReturnType<typeof open>>, name: string) =>
    secrets.of(MAIN).find((one) => one.name === name)?.why;
  return { paths, open, known, told, value, why };
}

describe("a secret's value", () => {
  it("comes from .env, the environment, a file or a command, and is known before anybody has it", async () => {
    const { open, paths, value, known } = await given({
      env: "IN_ENV_FILE=from-the-file\n",
      environment: { IN_ENV: "from-the-environment" },
    });
    const file = join(paths.home, "kept");
    await writeFile(file, "from a file of its own\n");
    await writeFile(
      paths.secrets,
      [
        "A: { from: .env:IN_ENV_FILE }",
        "B: { from: env:IN_ENV }",
        `C: { from: "file:${file}" }`,
        "D: { from: { command: [sh, -c, 'echo from $0 $ANTHROPIC_API_KEY', a command] } }",
      ].join("\n"),
    );

    const secrets = await open();

    expect(["A", "B", "C", "D"].map((name) => value(secrets, name))).toEqual([
      "from-the-file",
      "from-the-environment",
      "from a file of its own",
      "from a command",
    ]);
    expect(known).toEqual(
      expect.arrayContaining([
        "from-the-file",
        "from-the-environment",
        "from a file of its own",
        "from a command",
      ]),
    );
  });

  it("that cannot be had is missing alone, with a reason in which nothing of it stands", async () => {
    const { open, paths, value, why } = await given({
      env: "GOOD=a good value\nEMPTY=\n",
      forbidden: ["the key of the model"],
    });
    await mkdir(join(paths.groups, "main"), { recursive: true });
    await writeFile(join(paths.groups, "main", "planted"), "planted");
    await writeFile(
      paths.secrets,
      [
        "GOOD: { from: .env }",
        "EMPTY: { from: .env }",
        "NOT_THERE: { from: .env }",
        "NO_FILE: { from: 'file:/no/such/file' }",
        `PLANTED: { from: 'file:${join(paths.groups, "main", "planted")}' }`,
        "DEVICE: { from: 'file:/dev/zero' }",
        "FAILS: { from: { command: [sh, -c, 'echo hush-hush; echo hush-hush >&2; exit 3'] } }",
        "NO_PROGRAM: { from: { command: [/no/such/program] } }",
        "SLOW: { from: { command: [sleep, '1000'], seconds: 0.2 } }",
        "ENDLESS: { from: { command: [cat, /dev/zero] } }",
        `LINES: { from: { command: ["printf", "a\\\\nb"] } }`,
        "MODEL: { from: { command: [echo, the key of the model] } }",
      ].join("\n"),
    );

    const secrets = await open();

    expect(value(secrets, "GOOD")).toBe("a good value");
    const reasons = Object.fromEntries(secrets.of(MAIN).map(({ name }) => [name, why(secrets, name)]));
    expect(reasons).toEqual({
      GOOD: undefined,
      EMPTY: "it is empty",
      NOT_THERE: "there is no NOT_THERE in .env",
      NO_FILE: "/no/such/file cannot be read (ENOENT)",
      PLANTED: expect.stringContaining("lies where agents write"),
      DEVICE: "/dev/zero is no plain file",
      FAILS: "sh ended with exit code 3",
      NO_PROGRAM: "/no/such/program cannot be run (ENOENT)",
      SLOW: "sleep was not done after 0.2 s",
      ENDLESS: "cat printed more than 64 KiB",
      LINES: "it holds line breaks or control characters",
      MODEL: "it is the model's credential",
    });
  });

  it("of a group goes before the install's, which a group may also do without", async () => {
    const { open, value } = await given({
      env: "WIKI=everybody's\nFAMILY_WIKI=the family's\nOWN=the family's alone\n",
      yaml: [
        "WIKI:",
        "  from: .env",
        "  bind: [{ host: wiki.example, as: bearer }]",
        "  groups:",
        "    family: { from: '.env:FAMILY_WIKI' }",
        "    kids: off",
        "OWN: { groups: { family: { from: .env, bind: [{ host: own.example, as: bearer }] } } }",
      ].join("\n"),
    });

    const secrets = await open();

    expect([MAIN, family, kids].map((group) => value(secrets, "WIKI", group))).toEqual([
      "everybody's",
      "the family's",
      undefined,
    ]);
    expect(secrets.of(family).map(({ bind }) => bind.map(({ host }) => host))).toEqual([
      ["wiki.example"],
      ["own.example"],
    ]);
    expect(secrets.placeholders(MAIN)).toEqual({ WIKI: "bellhop-secret-WIKI" });
    expect(secrets.placeholders(kids)).toEqual({});
    expect(Object.keys(secrets.placeholders(family))).toEqual(["WIKI", "OWN"]);
  });

  it("is had anew when it is wanted and missing", async () => {
    const { open, paths, value } = await given({ yaml: "KEPT: { from: { command: [cat, KEPT_FILE] } }" });
    const file = join(paths.home, "vault");
    await writeFile(paths.secrets, `KEPT: { from: { command: [cat, ${file}] } }`);
    const secrets = await open();
    expect(value(secrets, "KEPT")).toBeUndefined();

    await writeFile(file, "unlocked by now");
    expect(await secrets.renew("KEPT", MAIN)).toEqual({ from: "the command cat", why: undefined });

    expect(value(secrets, "KEPT")).toBe("unlocked by now");
    secrets.wanted(SecretName.parse("KEPT"), MAIN); // has just been asked for: nothing happens
    await expect(secrets.renew("OTHER", MAIN)).rejects.toThrow(RejectedError);
  });
});

describe("the secrets of a running host", () => {
  it("follow .env, a file and secrets.yaml, written in place, moved over, removed and made again", async () => {
    const { open, paths, value, known } = await given({
      env: "A=first value\n",
      yaml: "A: { from: .env }\n",
    });
    const secrets = await open();
    expect(value(secrets, "A")).toBe("first value");

    await writeFile(paths.env, "A=second value\n");
    await expect.poll(() => value(secrets, "A"), WAIT).toBe("second value");

    await writeFile(`${paths.env}.new`, "A=third value\n");
    await rename(`${paths.env}.new`, paths.env);
    await expect.poll(() => value(secrets, "A"), WAIT).toBe("third value");
    expect((await stat(paths.env)).mode & 0o777).toBe(0o600);

    await rm(paths.env);
    await expect.poll(() => value(secrets, "A"), WAIT).toBeUndefined();
    await writeFile(paths.env, "A=fourth value\n");
    await expect.poll(() => value(secrets, "A"), WAIT).toBe("fourth value");

    const file = join(paths.home, "kept");
    await writeFile(file, "from a file");
    await writeFile(paths.secrets, `A: { from: .env }\nB: { from: 'file:${file}' }\n`);
    await expect.poll(() => value(secrets, "B"), WAIT).toBe("from a file");
    await writeFile(file, "from it again");
    await expect.poll(() => value(secrets, "B"), WAIT).toBe("from it again");

    expect(known).toEqual(expect.arrayContaining(["first value", "fourth value", "from it again"]));
  }, 60_000);

  it("stay as they were when secrets.yaml does not hold together, and their owner is told once (G33)", async () => {
    const { open, paths, value, told } = await given({
      env: "A=a good value\n",
      yaml: "A: { from: .env }\n",
    });
    const secrets = await open();

    await writeFile(paths.secrets, "A: { from: .env }\nB: { form: .env }\n");
    await expect.poll(() => told.length, WAIT).toBe(1);
    await chmod(paths.secrets, 0o640); // is told of as a change
    await writeFile(paths.env, "A=a newer value\n");
    await writeFile(paths.secrets, "A: { from: .env }\nB: { from: .env }\nC: { from: 'env:NONE' }\n");
    await expect.poll(() => secrets.of(MAIN).length, WAIT).toBe(3);

    expect(told).toEqual([
      expect.stringMatching(/those from before stay in force.*secrets\.yaml, line 2: B\.form/s),
    ]);
    expect(value(secrets, "A")).toBe("a newer value");
  }, 60_000);

  it("do not begin with a file that does not hold together", async () => {
    const { open, paths } = await given({ yaml: "A: [1\n" });

    await expect(open()).rejects.toThrow(ConfigError);

    expect(await readFile(paths.secrets, "utf8")).toBe("A: [1\n");
  });
});

describe("a secret", () => {
  it.each([
    ["ANTHROPIC_API_KEY: { from: .env }", /the model's/],
    ["CLAUDE_CODE_OAUTH_TOKEN: { from: .env }", /the model's/],
    ["ANTHROPIC_API_KEY: { groups: { family: { from: .env } } }", /the model's/],
    ["A: { from: '.env:ANTHROPIC_API_KEY' }", /the model's credential/],
    ["A: { groups: { family: { from: 'env:ANTHROPIC_AUTH_TOKEN' } } }", /family/],
    ["PATH: { from: .env }", /the sandbox itself needs/],
    ["NODE_OPTIONS: { from: .env }", /the sandbox itself needs/],
    ["https_proxy: { from: .env }", /capital letters/],
    ["A: { from: 'file:relative' }", /file:\/absolute\/path/],
    ["A: { from: vault }", /must be \.env/],
    ["A: { from: .env, bind: [{ host: x.example, as: bearer, paht: /x }] }", /paht/],
    ["A: { from: .env, gruops: {} }", /gruops/],
  ])("cannot be %s", async (yaml, why) => {
    const { open } = await given({ yaml });

    await expect(open()).rejects.toThrow(why);
  });
});
