/**
 * Programs that plugins bring along, unpacked once into `run/tools/` under the SHA-256 of what they came in.
 *
 * - Nothing is unpacked, and nothing is a program, before its bytes have the checksum that was approved.
 * - What lies in the plugin's own folder is there at once. What has to be fetched is fetched by the host, beside
 *   everything else; until it is there the plugin's skills are, and it is not. After a failure it is tried again
 *   when it is wanted again, but not every few seconds.
 * - `.tar.gz` and `.tgz` are unpacked to a folder; anything else is one program.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { chmod, mkdir, open, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { BellhopError, type Manifest, RejectedError, TemporaryError } from "@bellhop/sdk";
import { codeOf, hasCode } from "../../core/error-code.ts";
import type { Clock } from "../../core/clock.ts";
import type { Log } from "../../log.ts";
import { unpack } from "./unpack.ts";

export type Archive = Manifest["archives"][number];

export interface Unpacked {
  readonly as: string;
  /** On this machine: a folder, or one program. */
  readonly source: string;
  readonly kind: "folder" | "program";
  /** What of it is a program by the archive's own name, from its root on. */
  readonly program: string | undefined;
}

/** What became of one. */
export type ArchiveState = Unpacked | { readonly as: string; readonly missing: string };

export interface ArchivesParts {
  /** `run/tools`. */
  readonly folder: string;
  readonly arch: string;
  readonly fetch: (url: string, options: { readonly signal: AbortSignal }) => Promise<Response>;
  /** Something that was being fetched is there now, or could not be had. */
  readonly onSettled: () => void;
  readonly clock: Clock;
  readonly log: Log;
}

const MOST_BYTES = 512 * 1024 * 1024;
const FETCH_MS = 10 * 60_000;
const AGAIN_MS = 60_000;

export type Archives = ReturnType<typeof createArchives>;

export function createArchives({ folder, arch, fetch, onSettled, clock, log }: ArchivesParts) {
  const fetching = new Map<string, Promise<void>>();
  const failed = new Map<string, { readonly why: string; readonly at: number }>();
  const over = new AbortController();

  async function stateOf(archive: Archive, pluginFolder: string): Promise<ArchiveState> {
    const { as, from, sha256 } = archive;
    const there = await found(archive);
    if (there) return there;
    if (!isRemote(from)) {
      const file = join(pluginFolder, from);
      try {
        await put(archive, file, false);
      } catch (error) {
        return { as, missing: `its programs ${as} cannot be used: ${wordsOf(error, file)}` };
      }
      return (await found(archive)) ?? { as, missing: `its programs ${as} cannot be used` };
    }
    const last = failed.get(sha256);
    if (last && clock.monotonic() - last.at < AGAIN_MS) return { as, missing: last.why };
    begin(archive, from);
    return { as, missing: last?.why ?? `its programs ${as} are being fetched from ${new URL(from).host}` };
  }

  async function found(archive: Archive): Promise<Unpacked | undefined> {
    const { as, sha256 } = archive;
    const source = join(folder, sha256);
    try {
      if (!(await stat(source)).isDirectory()) return { as, source, kind: "program", program: "" };
      const program = await firstProgram(source, [`bin/${as}`, as]);
      return { as, source, kind: "folder", program };
    } catch (error) {
      if (hasCode(error, "ENOENT")) return undefined;
      throw error;
    }
  }

  function begin(archive: Archive, url: string): void {
    const { as, sha256 } = archive;
    if (fetching.has(sha256) || over.signal.aborted) return;
    const done = download(archive, url)
      .then(
        () => void failed.delete(sha256),
        (error: unknown) => {
          const why = `its programs ${as} could not be had from ${new URL(url).host}: ${wordsOf(error, url)}`;
          failed.set(sha256, { why, at: clock.monotonic() });
          if (!over.signal.aborted) log.warn({ err: error, from: new URL(url).host }, why);
        },
      )
      .finally(() => {
        fetching.delete(sha256);
        if (!over.signal.aborted) onSettled();
      });
    fetching.set(sha256, done);
  }

  async function download(archive: Archive, url: string): Promise<void> {
    const late = new AbortController();
    const cancel = clock.after(FETCH_MS, () => late.abort());
    const file = join(folder, `${archive.sha256}.fetched`);
    try {
      const response = await fetch(url, { signal: AbortSignal.any([late.signal, over.signal]) });
      if (!response.ok) throw new TemporaryError(`it answered HTTP ${response.status}`);
      // A redirect may lead to another host, whose bytes the checksum judges; but not out of TLS.
      if (response.url !== "" && !isRemote(response.url))
        throw new RejectedError("it led to an address without TLS");
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await save(response, file);
      await put(archive, file, true);
    } finally {
      cancel();
      await rm(file, { force: true });
    }
  }

  /** Checks the bytes, and puts them in their place. */
  async function put({ from, sha256 }: Archive, file: string, mayTake: boolean): Promise<void> {
    const sum = await checksum(file);
    if (sum !== sha256) {
      throw new RejectedError(`its SHA-256 is ${sum}, and the manifest says ${sha256}`);
    }
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const place = join(folder, sha256);
    if (/\.(tar\.gz|tgz)$/.test(isRemote(from) ? new URL(from).pathname : from))
      return await unpack(file, place);
    const partial = mayTake ? file : `${place}.partial`;
    if (!mayTake) await copyChecked(file, partial, sha256);
    await chmod(partial, 0o755);
    await rename(partial, place);
  }

  return {
    /** Those for this machine, as far as they are there. Begins to fetch what is not. */
    async of(archives: readonly Archive[], pluginFolder: string): Promise<readonly ArchiveState[]> {
      const wanted = archives.filter((one) => one.arch === undefined || one.arch === arch);
      const states: ArchiveState[] = [];
      for (const archive of wanted) states.push(await stateOf(archive, pluginFolder));
      return states;
    },
    async close(): Promise<void> {
      over.abort();
      await Promise.allSettled(fetching.values());
    },
  };
}

const isRemote = (from: string): boolean => from.startsWith("https://");

async function firstProgram(root: string, names: readonly string[]): Promise<string | undefined> {
  for (const name of names) {
    try {
      const one = await stat(join(root, name));
      if (one.isFile() && (one.mode & 0o100) !== 0) return name;
    } catch (error) {
      if (!hasCode(error, "ENOENT") && !hasCode(error, "ENOTDIR")) throw error;
    }
  }
  return undefined;
}

async function checksum(file: string): Promise<string> {
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MOST_BYTES) throw tooLarge();
    hash.update(chunk);
  }
  return hash.digest("hex");
}

/** The plugin's file may be changed at any time: what was copied is what counts. */
async function copyChecked(file: string, to: string, sha256: string): Promise<void> {
  const hash = createHash("sha256");
  await rm(to, { force: true });
  await using handle = await open(to, "wx");
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    await handle.writeFile(chunk);
  }
  if (hash.digest("hex") !== sha256) throw new RejectedError("it was changed while it was copied");
}

async function save(response: Response, file: string): Promise<void> {
  await rm(file, { force: true });
  await using handle = await open(file, "wx", 0o600);
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > MOST_BYTES) throw tooLarge();
    await handle.writeFile(chunk);
  }
}

function tooLarge(): RejectedError {
  return new RejectedError(`it is larger than ${MOST_BYTES / 2 ** 20} MiB`);
}

function wordsOf(error: unknown, what: string): string {
  if (error instanceof BellhopError) return error.message;
  if (hasCode(error, "ENOENT")) return `there is no ${what}`;
  if (error instanceof Error && error.name === "AbortError") return "it took too long";
  return codeOf(error) ?? (error instanceof Error ? error.message : String(error));
}
