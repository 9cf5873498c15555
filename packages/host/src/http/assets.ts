/**
 * The files that the web chat is made of. There are a handful, so they are read once and served from
 * memory by name: no path of a request ever touches the disk.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const TYPES = {
  "style.css": "text/css; charset=utf-8",
  "attachments.js": "text/javascript; charset=utf-8",
  "chat.js": "text/javascript; charset=utf-8",
  "connection.js": "text/javascript; charset=utf-8",
  "outbox.js": "text/javascript; charset=utf-8",
  "view.js": "text/javascript; charset=utf-8",
  "approvals.js": "text/javascript; charset=utf-8",
  "connect.js": "text/javascript; charset=utf-8",
  "login.js": "text/javascript; charset=utf-8",
  "bell.svg": "image/svg+xml",
} as const;
export type AssetName = keyof typeof TYPES;

export interface Asset {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly type: string;
  readonly etag: string;
}

export type Assets = ReadonlyMap<string, Asset>;

/** The one place that knows where they lie: `src/http/assets` in the repository, `dist/assets` once built. */
function assetPath(name: string): string {
  return fileURLToPath(new URL(`./assets/${name}`, import.meta.url));
}

/** @throws the file system's own error when the installation lacks one */
export function loadAssets(): Assets {
  return new Map(
    Object.entries(TYPES).map(([name, type]) => {
      const body = Uint8Array.from(readFileSync(assetPath(name)));
      const etag = `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`;
      return [name, { body, type, etag }];
    }),
  );
}
