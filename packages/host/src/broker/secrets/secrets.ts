/**
 * The install's secrets, as they hold now: read from `secrets.yaml` and from where the values are kept, and
 * again whenever one of these files changes. Nothing is looked at in between.
 *
 * - A `secrets.yaml` that does not hold together changes nothing: the last good one stays, and its owner is
 *   told once, with the line (G33). At the start there is no last good one, and the host refuses to start.
 * - Every value is made known to `known` before anybody can use it, so that it is redacted from the first
 *   moment on; one that was replaced stays known.
 * - A value that cannot be had is missing for its bindings alone. It is tried again when somebody wants it,
 *   but not more often than every ten seconds.
 */
import { chmod, readFile, stat } from "node:fs/promises";
import { parseEnv } from "node:util";
import { BellhopError, RejectedError } from "@bellhop/sdk";
import type { Environment, HomePaths } from "../../config.ts";
import type { Clock } from "../../core/clock.ts";
import { hasCode } from "../../core/error-code.ts";
import type { GroupFolder } from "../../core/ids.ts";
import { watchFile, type Watching } from "../../core/watch-file.ts";
import type { Log } from "../../log.ts";
import type { HeldSecret } from "../injection.ts";
import { type Declared, readSecretsFile, type SecretName, type Source, sourceWords } from "./file.ts";
import { joined } from "./of-plugins.ts";
import { placeholder } from "./placeholder.ts";
import { type SourceParts, valueOf } from "./source.ts";

export interface SecretsParts extends Pick<SourceParts, "environment" | "forbidden"> {
  readonly paths: HomePaths;
  /** What plugins use beside `secrets.yaml` (of-plugins.ts); `reload` reads it again. */
  readonly more?: ((environment: Environment) => readonly Declared[]) | undefined;
  /** Values that must never be let out. */
  readonly known: (from: string, values: readonly string[]) => void;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Secrets {
  of(group: GroupFolder): readonly HeldSecret[];
  /** What the group's sandboxes have in their environment. */
  placeholders(group: GroupFolder): Readonly<Record<string, string>>;
  /** Plugins have come or gone. Never fails: what does not hold together is told of as ever. */
  reload(): Promise<void>;
  /** One had no value when it was wanted. */
  wanted(name: SecretName, group: GroupFolder): void;
  /**
   * Gets the value anew. `why`: what keeps it from being had.
   * @throws RejectedError where this group has no such secret
   */
  renew(
    name: string,
    group: GroupFolder,
  ): Promise<{ readonly from: string; readonly why: string | undefined }>;
  /** From now on this is called with what its owner has to mend; at once, if there is something already. */
  onTrouble(tell: (text: string) => void): void;
  close(): void;
}

interface Value {
  readonly value?: string;
  readonly why?: string;
  readonly at: number;
}

/** Editors and we ourselves write in several steps; they are read as one. */
const SETTLE_MS = 50;
const AGAIN_MS = 10_000;
/** What is shorter is not redacted (log.ts), nor should it be a secret. */
const SHORTEST = 8;

/** @throws ConfigError where `secrets.yaml` does not hold together */
export async function openSecrets(parts: SecretsParts): Promise<Secrets> {
  const { paths, known, more, clock, log } = parts;
  const ofPlugins = () => more?.(parts.environment) ?? [];
  let declared: readonly Declared[] = [];
  let values: ReadonlyMap<string, Value> = new Map();
  const watched = new Map<string, Watching>();
  let loading: Promise<void> | undefined;
  let again = false;
  let settle: (() => void) | undefined;
  let closed = false;
  let trouble: string | undefined;
  let tell: ((text: string) => void) | undefined;

  async function load(): Promise<void> {
    watch([paths.secrets]); // before it is read, so that no change falls between
    const own = readSecretsFile((await readIfThere(paths.secrets)) ?? "", paths.secrets);
    const fresh = joined(own, ofPlugins());
    const sources = new Map(fresh.flatMap(sourcesOf).map((source) => [keyOf(source), source]));
    const all = [...sources.values()];
    watchOnly([paths.secrets, ...filesOf(all, paths)]);
    const parts = await sourceParts(all.some(({ kind }) => kind === ".env"));
    const found = await Promise.all(
      [...sources].map(async ([key, source]) => [key, await resolve(source, parts)] as const),
    );
    if (closed) return;
    [declared, values] = [fresh, new Map(found)];
  }

  async function sourceParts(wantsDotEnv: boolean): Promise<SourceParts> {
    const { environment, forbidden } = parts;
    const agents = [paths.groups, paths.sessions, paths.media, paths.global];
    const dotEnv = wantsDotEnv ? await readDotEnv(paths.env) : {};
    return { dotEnv, environment, forbidden, agents, clock };
  }

  /** Only what we throw ourselves is put into words: another's may quote the value. */
  async function resolve(source: Source, parts: SourceParts): Promise<Value> {
    const at = clock.monotonic();
    try {
      const value = await valueOf(source, parts);
      known(sourceWords(source), [value, value.slice(value.indexOf(":") + 1)]); // of a pair, the password too
      if (value.length < SHORTEST) {
        log.warn({ source: sourceWords(source) }, "a secret is too short to be kept out of what leaves");
      }
      return { value, at };
    } catch (error) {
      if (!(error instanceof BellhopError)) throw error;
      log.warn({ source: sourceWords(source), why: error.message }, "a secret has no value");
      return { why: error.message, at };
    }
  }

  /** Those that are watched already are left alone. */
  function watch(files: readonly string[]): void {
    if (closed) return;
    for (const file of files) if (!watched.has(file)) watched.set(file, watchFile(file, changed, unwatched));
  }

  function watchOnly(files: readonly string[]): void {
    watch(files);
    for (const [file, watching] of watched) {
      if (files.includes(file)) continue;
      watching.close();
      watched.delete(file);
    }
  }

  function unwatched(error: unknown): void {
    log.error({ err: error }, "secrets cannot be watched: after a change, restart Bellhop");
  }

  function changed(): void {
    if (closed) return;
    settle?.();
    settle = clock.after(SETTLE_MS, () => void reload());
  }

  /** One at a time; what changes meanwhile is read once more. */
  function reload(): Promise<void> {
    if (loading) again = true;
    loading ??= (async () => {
      do {
        again = false;
        await load().then(mended, broken);
      } while (again);
      loading = undefined;
    })();
    return loading;
  }

  function mended(): void {
    if (trouble !== undefined) log.info({ file: paths.secrets }, "the secrets hold together again");
    trouble = undefined;
  }

  function broken(error: unknown): void {
    const why = error instanceof Error ? error.message : String(error);
    const text = `The secrets were not read again; those from before stay in force. ${why}`;
    if (trouble === text) return;
    trouble = text;
    log.error({ err: error }, "secrets.yaml does not hold together; the last good one stays in force");
    tell?.(text);
  }

  function held(one: Declared, group: GroupFolder): HeldSecret | undefined {
    const own = one.of(group);
    if (!own) return undefined;
    const { value, why } = values.get(keyOf(own.source)) ?? {};
    return { name: one.name, bind: own.bind, value, why };
  }

  async function renewSource(source: Source): Promise<Value> {
    const fresh = await resolve(source, await sourceParts(source.kind === ".env"));
    values = new Map([...values, [keyOf(source), fresh]]);
    return fresh;
  }

  await load();
  return {
    of: (group) => declared.flatMap((one) => held(one, group) ?? []),
    placeholders: (group) =>
      Object.fromEntries(
        declared.filter((one) => one.of(group)).map(({ name }) => [name, placeholder(name)] as const),
      ),
    reload,
    wanted(name, group) {
      const source = declared.find((one) => one.name === name)?.of(group)?.source;
      const last = source && values.get(keyOf(source));
      if (!source || (last && clock.monotonic() - last.at < AGAIN_MS)) return;
      values = new Map([...values, [keyOf(source), { ...last, at: clock.monotonic() }]]);
      renewSource(source).catch((error: unknown) => log.error({ err: error }, "a secret could not be had"));
    },
    async renew(name, group) {
      await loading;
      const own = declared.find((one) => one.name === name)?.of(group);
      if (!own) {
        throw new RejectedError(
          `There is no secret ${name} in the group ${group}; bellhop secrets list shows them.`,
        );
      }
      const { why } = await renewSource(own.source);
      return { from: sourceWords(own.source), why };
    },
    onTrouble(listener) {
      tell = listener;
      if (trouble !== undefined) tell(trouble);
    },
    close() {
      closed = true;
      settle?.();
      for (const watching of watched.values()) watching.close();
    },
  };
}

function sourcesOf({ of, groups }: Declared): Source[] {
  return [undefined, ...groups].flatMap((group) => of(group)?.source ?? []);
}

function keyOf(source: Source): string {
  return JSON.stringify(source);
}

/** What a change of which would change a value; what a command reads is its own affair. */
function filesOf(sources: readonly Source[], { env }: HomePaths): string[] {
  return sources.flatMap((source) => {
    if (source.kind === ".env") return [env];
    return source.kind === "file" ? [source.path] : [];
  });
}

async function readDotEnv(file: string): Promise<Environment> {
  const text = await readIfThere(file);
  if (text === undefined) return {};
  if (((await stat(file)).mode & 0o077) !== 0) await chmod(file, 0o600);
  return parseEnv(text);
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}
