/**
 * `bellhop doctor`: whether this machine and this home can run Bellhop, which sandbox it would take and
 * why, and what to mend. It needs no running host, and changes nothing but its own trial sandboxes.
 */
import { BellhopError } from "@bellhop/sdk";
import { Command } from "commander";
import { mkdtemp, open, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type Config, homeDirectory, loadConfig } from "../config.ts";
import type { Clock } from "../core/clock.ts";
import { hasCode } from "../core/error-code.ts";
import { locateClaude } from "../engines/claude/cli.ts";
import { silentLog } from "../log.ts";
import { explainChoice, type Looked, lookAtRuntimes } from "../sandbox/detect.ts";
import { allRuntimes } from "../sandbox/runtimes.ts";
import { homeOption } from "./home-option.ts";
import { ExitCode, type Io } from "./io.ts";
import { plain } from "./plain.ts";

export interface Finding {
  /** `warning`: it works, and somebody should know. */
  readonly state: "ok" | "warning" | "failed";
  readonly what: string;
  readonly found: string;
  readonly fix?: string;
}

export function doctorCommand(io: Io): Command {
  return new Command("doctor")
    .summary("say what works here, which sandbox is chosen and why")
    .description(
      "Looks at the home, the disk, the agent's program, the credentials and every sandbox runtime, and says what to mend. " +
        "Works whether Bellhop runs or not.",
    )
    .addOption(homeOption())
    .option("--json", "one JSON object: { ok, findings, sandbox }")
    .addHelpText("after", HELP)
    .action(async ({ home, json }: { home?: string; json?: true }) => {
      const { findings, choice } = await examine(io, home);
      const ok = findings.every(({ state }) => state !== "failed");
      if (json) io.stdout.write(`${JSON.stringify({ ok, findings, sandbox: choice ?? null })}\n`);
      else io.stdout.write(describeFindings(findings));
      if (!ok) throw new ExitCode(1);
    });
}

async function examine(
  io: Io,
  asked: string | undefined,
): Promise<{ findings: Finding[]; choice: string | undefined }> {
  const home = homeDirectory({ home: asked, env: io.env });
  const findings: Finding[] = [await examineHome(home)];
  let config: Config;
  try {
    config = loadConfig({ home: asked, env: io.env });
  } catch (error) {
    if (!(error instanceof BellhopError)) throw error;
    findings.push({ state: "failed", what: "configuration", found: error.message });
    return { findings, choice: undefined };
  }
  findings.push(
    ...config.warnings.map((found): Finding => ({ state: "warning", what: "configuration", found })),
  );
  findings.push(examineProgram(), examineCredentials(config), await examineDisk(home, io.clock));
  const { runtime } = config.sandbox;
  const looked = await withHome(home, (at) => {
    return lookAtRuntimes(
      runtime,
      allRuntimes({ config: { ...config, home: at }, clock: io.clock, log: silentLog }),
    );
  });
  const choice = explainChoice(runtime, looked);
  findings.push(...looked.map((one) => describeRuntime(one, choice)));
  findings.push(
    choice === undefined
      ? {
          state: "failed",
          what: "sandbox",
          found: `none can be made with runtime: ${runtime}`,
          fix: "Mend one of the runtimes above; Bellhop lets its agent work nowhere else",
        }
      : { state: "ok", what: "sandbox", found: choice },
  );
  return { findings, choice };
}

/** A home that is not there yet is not made for a look: the trials get one that goes again. */
async function withHome<T>(home: string, look: (home: string) => Promise<T>): Promise<T> {
  if (await stat(home).catch(() => undefined)) return await look(home);
  const stand = await mkdtemp(join(tmpdir(), "bellhop-doctor-"));
  try {
    return await look(stand);
  } finally {
    await rm(stand, { recursive: true, force: true });
  }
}

async function examineHome(home: string): Promise<Finding> {
  const what = "home";
  try {
    const found = await stat(home);
    if (!found.isDirectory()) {
      return { state: "failed", what, found: `${home} is no folder`, fix: "Choose another with --home" };
    }
    if ((found.mode & 0o077) !== 0) {
      const fix = `chmod 700 ${home}`;
      return { state: "warning", what, found: `${home} can be entered by others on this machine`, fix };
    }
    return { state: "ok", what, found: home };
  } catch (error) {
    if (!hasCode(error, "ENOENT")) throw error;
    return { state: "ok", what, found: `${home} is not there yet: bellhop up makes it` };
  }
}

function examineProgram(): Finding {
  const what = "agent";
  try {
    return { state: "ok", what, found: locateClaude() };
  } catch (error) {
    if (!(error instanceof BellhopError)) throw error;
    return { state: "failed", what, found: error.message };
  }
}

/** Whether there are any, never what they are. */
function examineCredentials({ credentials, home }: Config): Finding {
  const what = "credentials";
  const { apiKey, oauthToken, authToken } = credentials;
  const kind = apiKey
    ? "an API key"
    : oauthToken
      ? "a Claude token"
      : authToken
        ? "a provider's token"
        : undefined;
  if (kind !== undefined) return { state: "ok", what, found: kind };
  const fix = `Write ANTHROPIC_API_KEY=… into ${join(home, ".env")}`;
  return { state: "warning", what, found: "none: a rehearsal model plays the part of the model", fix };
}

const SYNCS = 30;
/** A disk that takes longer holds everybody up. */
const SLOW_MS = 20;

/** How long a write takes until it is safe, which is the ceiling of what can be taken in one after another. */
async function examineDisk(home: string, clock: Clock): Promise<Finding> {
  const folder = await mkdtemp(join(await nearest(home), ".bellhop-doctor-"));
  try {
    const file = await open(join(folder, "sync"), "w");
    const took: number[] = [];
    try {
      for (let turn = 0; turn < SYNCS; turn++) {
        await file.write(Buffer.alloc(4_096, turn), 0, 4_096, 0);
        const began = clock.monotonic();
        await file.datasync();
        took.push(clock.monotonic() - began);
      }
    } finally {
      await file.close();
    }
    const median = took.sort((a, b) => a - b)[SYNCS / 2] ?? 0;
    const ceiling = Math.floor(1_000 / Math.max(median, 0.001));
    const found = `${median.toFixed(2)} ms to be safe: at most ${ceiling} messages a second, one after another`;
    return { state: median > SLOW_MS ? "warning" : "ok", what: "disk", found };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The home, or what is there of the way to it. */
async function nearest(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  return found?.isDirectory() || dirname(path) === path ? path : await nearest(dirname(path));
}

function describeRuntime({ name, probe }: Looked, choice: string | undefined): Finding {
  if (probe === undefined)
    return { state: "ok", what: name, found: "not looked at: used only where it is named" };
  if (probe.ok) return { state: "ok", what: name, found: `${probe.version}, limits by ${probe.limits}` };
  // What is not needed is no trouble.
  const state = choice === undefined || choice.startsWith(`${name},`) ? "failed" : "ok";
  return { state, what: name, found: `no: ${probe.reason}`, fix: probe.fix };
}

const MARKS = { ok: "ok", warning: "note", failed: "FAIL" } as const;

/** For people. */
export function describeFindings(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ what }) => what.length));
  return findings
    .map(({ state, what, found, fix }) => {
      const line = `${MARKS[state].padEnd(4)}  ${what.padEnd(width)}  ${plain(found)}\n`;
      return fix === undefined ? line : `${line}${" ".repeat(width + 8)}→ ${plain(fix)}\n`;
    })
    .join("");
}

const HELP = `
Examples:
  bellhop doctor          what works, which sandbox is chosen and why, what to mend
  bellhop doctor --json   the same for programs

Exit codes: 0 everything that is needed works; 1 something has to be mended.`;
