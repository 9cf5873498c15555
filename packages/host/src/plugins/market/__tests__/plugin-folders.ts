/** Folders, packages and registries of plugins, as tests need them. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";
import { rm } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { packTar, type TarEntry } from "modern-tar";

type Files = Readonly<Record<string, string>>;

export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "bellhop-market-"));
  onTestFinished(async () => await rm(folder, { recursive: true, force: true }));
  return folder;
}

export async function writeFiles(folder: string, files: Files): Promise<string> {
  for (const [place, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, place)), { recursive: true });
    await writeFile(join(folder, place), text);
  }
  return folder;
}

export const SKILL = "---\nname: weather\ndescription: Says what the weather is like.\n---\nAsk the sky.\n";

/** A plugin with a skill, and with what the manifest says beside. */
export function weather(manifest: object = {}, files: Files = {}): Files {
  const { version = "1.0.0", ...rest }: { version?: string } = manifest;
  const about = {
    name: "bellhop-plugin-weather",
    version,
    description: "Says what the weather is like",
    bellhop: { skills: ["skills/weather"], ...rest },
  };
  return { "package.json": JSON.stringify(about), "skills/weather/SKILL.md": SKILL, ...files };
}

/** As npm makes it: everything below `package/`. */
export async function tarballOf(files: Files, more: readonly TarEntry[] = []): Promise<string> {
  const entries = Object.entries(files).map(([place, body]): TarEntry => {
    return { header: { name: `package/${place}`, size: Buffer.byteLength(body) }, body };
  });
  const file = join(await temporaryFolder(), "plugin.tgz");
  await writeFile(file, gzipSync(await packTar([...entries, ...more])));
  return file;
}

interface Published {
  readonly name: string;
  readonly version: string;
  readonly files: Files;
  /** What is handed out is not what was published. */
  readonly tampered?: true;
}

/** A registry that npm can be pointed at. @returns the environment in which npm uses it */
export async function registryWith(packages: readonly Published[]) {
  const tarballs = await Promise.all(
    packages.map(async ({ files, tampered }) => ({
      promised: await readFile(await tarballOf(files)),
      given: await readFile(await tarballOf(tampered ? { ...files, "more.js": "evil()" } : files)),
    })),
  );
  const server = createServer((request, response) => {
    const { port } = server.address() as AddressInfo;
    const path = decodeURIComponent(request.url ?? "");
    const at = packages.findIndex(({ name, version }) => path === `/${name}/-/${name}-${version}.tgz`);
    if (at >= 0) return response.end(tarballs[at]?.given);
    const name = path.slice(1);
    const versions = packages.flatMap((one, index) => {
      if (one.name !== name) return [];
      const about: unknown = JSON.parse(one.files["package.json"] ?? "{}");
      const integrity = `sha512-${createHash("sha512")
        .update(tarballs[index]?.promised ?? "")
        .digest("base64")}`;
      const tarball = `http://127.0.0.1:${port}/${name}/-/${name}-${one.version}.tgz`;
      return [
        [one.version, { ...(about as object), name, version: one.version, dist: { tarball, integrity } }],
      ];
    });
    if (versions.length === 0) return response.writeHead(404).end("{}");
    const latest = packages.filter((one) => one.name === name).at(-1)?.version;
    response.setHeader("content-type", "application/json");
    return response.end(
      JSON.stringify({ name, "dist-tags": { latest }, versions: Object.fromEntries(versions) }),
    );
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const cache = await temporaryFolder();
  return {
    PATH: process.env["PATH"],
    HOME: cache,
    npm_config_registry: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    npm_config_cache: cache,
    // npm fetches what is damaged again, after ever longer pauses.
    npm_config_fetch_retries: "0",
  };
}
