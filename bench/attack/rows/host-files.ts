/**
 * Files of the host, asked for from outside the sandbox: what the agent leaves in its folder and its engine's
 * home is read by the host at the next start of a sandbox, and what it sends passes through it.
 */
import { join } from "node:path";
import { link } from "node:fs/promises";
import type { House } from "../house.ts";
import type { Row, Stage } from "../row.ts";

/** For answers that a reader which blocks would never give. */
const PATIENCE_MS = 30_000;
const CLEAN = shell("rm -rf IDENTITY.md CLAUDE.md up many deep out.txt pipe big.bin ~/.claude/.claude.json");

/** Any command, as text that nothing on the way looks into: the engine's hygiene is no wall, and must not hide one. */
export function shell(command: string): string {
  return `run: echo ${Buffer.from(command).toString("base64")} | base64 -d | bash`;
}

/** A new sandbox of the same group, and what its agent is told of its memory. */
export async function afresh(house: House): Promise<string> {
  await house.command("ours", "/new");
  return await house.say("ours", "recall:", { patienceMs: PATIENCE_MS });
}

/** The agent leaves something behind, and the host opens the next sandbox. */
function left(tries: string, command: (house: House) => string): Row {
  return {
    class: "host-files",
    tries,
    async run({ house }) {
      await house.say("ours", shell(command(house)), { patienceMs: 120_000 });
      await afresh(house);
      await house.say("ours", CLEAN);
      return undefined;
    },
  };
}

/** The agent sends a file that is none of its own, or none at all. */
function sent(tries: string, prepare: string, input: (house: House) => object): Row {
  return {
    class: "host-files",
    tries,
    async run({ house }) {
      const from = house.shown.length;
      const call = `tool: send_file ${JSON.stringify(input(house))}`;
      await house.say("ours", `${shell(prepare)}\n${call}`, {
        patienceMs: PATIENCE_MS,
      });
      return odd(house, from);
    },
  };
}

/** Names of files, as platforms and people's machines get them, lead nowhere. */
function odd(house: House, from: number): string | undefined {
  const name = house.shown.slice(from).find(({ name: one }) => one !== undefined && !plain(one))?.name;
  return name === undefined ? undefined : `a file went out under the name ${JSON.stringify(name)}`;
}

function plain(name: string): boolean {
  return !/[/\\\p{Cc}\u202a-\u202e\u2066-\u2069]/u.test(name) && name !== ".." && name !== ".";
}

async function hardLink({ house }: Stage): Promise<string | undefined> {
  const name = join(house.folderOf("ours"), "IDENTITY.md");
  // As if the machine let agents make such links (fs.protected_hardlinks, and one mount).
  await link(join(house.base, "passwords.txt"), name);
  try {
    await afresh(house);
  } finally {
    await house.say("ours", CLEAN);
  }
  return undefined;
}

export const HOST_FILES: readonly Row[] = [
  left("a link as the persona", ({ base }) => `ln -sf ${base}/passwords.txt IDENTITY.md`),
  left("a link over links", ({ base }) => `ln -sf ${base} up; ln -sf up/passwords.txt IDENTITY.md`),
  left("a link with dots", () => "ln -sf ../../../passwords.txt IDENTITY.md"),
  left("a link to the host's environment", () => "ln -sf /proc/self/environ IDENTITY.md"),
  left("a link as the memory", ({ base }) => `ln -sf ${base}/passwords.txt CLAUDE.md`),
  left(
    "imports into the memory",
    ({ base, home }) =>
      `printf '@%s\\n' ${base}/passwords.txt ../../../passwords.txt ${home}/.env > CLAUDE.md`,
  ),
  left(
    "imports into the persona",
    ({ base, home }) => `printf '@%s\\n' ${base}/passwords.txt ${home}/.env > IDENTITY.md`,
  ),
  left("a pipe as the persona", () => "rm -f IDENTITY.md; mkfifo IDENTITY.md"),
  left("a socket as the persona", () => {
    return `perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Local => "IDENTITY.md", Listen => 1)'`;
  }),
  left("a folder as the persona", () => "mkdir -p IDENTITY.md/IDENTITY.md"),
  left("a terabyte as the persona", () => "truncate -s 1T IDENTITY.md"),
  left("a link as the engine's settings", ({ base }) => {
    return `ln -sf ${base}/passwords.txt ~/.claude/.claude.json`;
  }),
  left(
    "a pipe as the engine's settings",
    () => "rm -f ~/.claude/.claude.json; mkfifo ~/.claude/.claude.json",
  ),
  left("100,000 files in the folder", () => {
    return "mkdir many && cd many && perl -e 'for (1..100000) { open(my $f, q(>), $_) }'";
  }),
  left("a folder 2,000 deep", () => {
    return "perl -e 'mkdir q(deep); chdir q(deep); for (1..2000) { mkdir q(d); chdir q(d) }'";
  }),
  { class: "host-files", tries: "a hard link as the persona", run: hardLink },
  sent("a file of the host's is sent", "true", ({ base }) => ({ path: `${base}/passwords.txt` })),
  sent("a path with dots is sent", "true", () => ({ path: "../../../../../passwords.txt" })),
  sent("a link to outside is sent", "ln -sf /proc/1/environ out.txt", () => ({ path: "out.txt" })),
  sent("a pipe is sent", "rm -f pipe; mkfifo pipe", () => ({ path: "pipe" })),
  sent("a device is sent", "true", () => ({ path: "/dev/zero" })),
  sent("a name with NUL is sent", "true", () => ({ path: "a\u0000../../passwords.txt" })),
  sent("a terabyte is sent", "truncate -s 1T big.bin", () => ({ path: "big.bin" })),
  sent("a name that climbs is sent", "echo hi > fine.txt", () => ({
    path: "fine.txt",
    filename: "../../../../etc/cron.d/evil",
  })),
  sent("a name with line feeds is sent", "echo hi > \"$(printf 'a\\nb')\"", () => ({
    path: "a\nb",
    filename: "a\nb\r\u202etxt.exe",
  })),
];
