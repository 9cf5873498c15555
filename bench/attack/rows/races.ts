/**
 * Swaps that race the host: what is checked and what is opened must be the same thing (F29, F30). The racer runs
 * beside the host, on the folders that agents can write, as a task's script or a neighbour with the same folder
 * would; the host opens again and again meanwhile.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { RejectedError } from "@bellhop/sdk";
import { readBeneath } from "../../../packages/host/src/core/open-beneath.ts";
import type { House } from "../house.ts";
import type { Row, Stage } from "../row.ts";
import { afresh, shell } from "./host-files.ts";

/** Between two swaps of what the engine itself watches: faster, and it drowns in news before anybody races. */
const NAP_S = 0.001;

interface Swap {
  /** What is swapped with a link; of a folder the content stays. */
  readonly name: string;
  readonly kind: "file" | "folder";
  /** Where the link leads. */
  readonly to: string;
  readonly napS?: number;
}

function startRacer({ name, kind, to, napS = NAP_S }: Swap) {
  const nap = napS > 0 ? `select(undef, undef, undef, ${napS});` : "";
  const linked =
    kind === "file"
      ? 'symlink($t, "$n.link"); rename("$n.link", $n);'
      : 'rename($n, "$n.gone"); symlink($t, $n);';
  const back =
    kind === "file"
      ? 'open(my $f, ">", "$n.real"); print $f "harmless"; close $f; rename("$n.real", $n);'
      : 'unlink $n; rename("$n.gone", $n);';
  const script = `my ($n, $t) = @ARGV; my $on = 1; $SIG{TERM} = sub { $on = 0 }; while ($on) { ${linked} ${nap} ${back} ${nap} }`;
  const child = spawn("perl", ["-e", script, name, to], { stdio: "ignore" });
  const ended = once(child, "exit");
  return async () => {
    child.kill("SIGTERM");
    await ended;
  };
}

/** @param open makes the host open it once */
async function race(
  { raceMs, note }: Stage,
  swap: Swap,
  open: () => Promise<unknown>,
): Promise<string | undefined> {
  const stop = startRacer(swap);
  let times = 0;
  let slowest = 0;
  try {
    const end = performance.now() + raceMs;
    while (performance.now() < end) {
      const began = performance.now();
      await open();
      slowest = Math.max(slowest, performance.now() - began);
      times += 1;
    }
  } finally {
    await stop();
  }
  note(`opened ${times} times, the slowest took ${Math.round(slowest)} ms`);
  return undefined;
}

const secret = (house: House) => join(house.base, "passwords.txt");

/** The product's own reader, called as often as it goes: thousands of times a second. */
function reader(tries: string, kind: Swap["kind"]): Row {
  return {
    class: "races",
    tries,
    async run(stage) {
      const { house } = stage;
      const root = join(house.base, `race-${kind}`);
      await mkdir(join(root, "sub"), { recursive: true });
      const path = kind === "file" ? "notes.txt" : "sub/notes.txt";
      await writeFile(join(root, path), "harmless");
      const swap: Swap =
        kind === "file"
          ? { name: join(root, path), kind, to: secret(house), napS: 0 }
          : { name: join(root, "sub"), kind, to: join(house.base, "private"), napS: 0 };
      let leak: string | undefined;
      await race(stage, swap, async () => {
        try {
          const read = await readBeneath(root, path, { maxBytes: 1_024 });
          if (house.holdersIn(read.toString()).length > 0) leak = "the reader gave a file of the host's";
        } catch (error) {
          if (!(error instanceof RejectedError)) throw error; // refused is what it should be
        }
      });
      await rm(root, { recursive: true, force: true });
      return leak;
    },
  };
}

export const RACES: readonly Row[] = [
  reader("a file, swapped for a link while it is read", "file"),
  reader("a file's folder, swapped for a link while it is read", "folder"),
  {
    class: "races",
    tries: "the persona, swapped for a link while a sandbox opens",
    async run(stage) {
      const { house } = stage;
      const name = join(house.folderOf("ours"), "IDENTITY.md");
      const leak = await race(stage, { name, kind: "file", to: secret(house) }, () => afresh(house));
      await house.say("ours", shell("rm -rf /workspace/group/IDENTITY.md*"));
      return leak;
    },
  },
  {
    class: "races",
    tries: "a file, swapped for a link while it is sent",
    async run(stage) {
      const { house } = stage;
      const name = join(house.folderOf("ours"), "sent.txt");
      return await race(stage, { name, kind: "file", to: secret(house) }, () =>
        house.say("ours", `tool: send_file ${JSON.stringify({ path: "sent.txt" })}`),
      );
    },
  },
  {
    class: "races",
    tries: "a file's folder, swapped for a link while it is sent",
    async run(stage) {
      const { house } = stage;
      await house.say("ours", shell("mkdir -p sub; echo harmless > sub/notes.txt"));
      const name = join(house.folderOf("ours"), "sub");
      return await race(stage, { name, kind: "folder", to: join(house.base, "private") }, () =>
        house.say("ours", `tool: send_file ${JSON.stringify({ path: "sub/notes.txt" })}`),
      );
    },
  },
  {
    class: "races",
    tries: "the source of a mount, swapped for a link while a sandbox opens",
    async run(stage) {
      const { house } = stage;
      const name = join(house.base, "shared", "docs");
      return await race(stage, { name, kind: "folder", to: join(house.base, "private") }, async () => {
        await house.command("ours", "/new");
        await house.say("ours", shell("cat /workspace/extra/docs/* /workspace/extra/shared/docs/*"));
      });
    },
  },
];
