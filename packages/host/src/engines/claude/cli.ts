/** Where the SDK's native program is: the one file that goes into the sandbox (sandbox.md 6). */
import { createRequire } from "node:module";
import { ConfigError } from "@bellhop/sdk";
import { hasCode } from "../../core/error-code.ts";

const SDK = "@anthropic-ai/claude-agent-sdk";

/**
 * Absolute host path of the program that belongs to the installed SDK.
 * @throws ConfigError when npm left its platform package out
 */
export function locateClaude({
  platform,
  arch,
}: Pick<NodeJS.Process, "platform" | "arch"> = process): string {
  const require = createRequire(import.meta.url);
  // npm installs only the one that fits this machine's C library.
  for (const variant of [`${platform}-${arch}`, `${platform}-${arch}-musl`]) {
    try {
      return require.resolve(`${SDK}-${variant}/claude`);
    } catch (err) {
      if (!isNotFound(err)) throw err;
    }
  }
  throw new ConfigError(
    `The Claude Agent SDK has no program for ${platform}-${arch} here: the package ${SDK}-${platform}-${arch} ` +
      `is missing. npm leaves it out with --omit=optional, and not every platform has one. ` +
      `Install Bellhop again with "npm install --include=optional".`,
  );
}

function isNotFound(err: unknown): boolean {
  return hasCode(err, "MODULE_NOT_FOUND");
}
