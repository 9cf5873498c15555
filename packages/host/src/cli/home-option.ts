/** `--home` and `--chat`, the same in every command. */
import { RejectedError } from "@bellhop/sdk";
import { Option } from "commander";
import { homeDirectory, homePaths } from "../config.ts";
import { ChatId } from "../core/ids.ts";
import { type Client, createClient } from "./client.ts";
import type { Io } from "./io.ts";

export function homeOption(): Option {
  return new Option(
    "--home <dir>",
    "the folder of the Bellhop you mean (default: $BELLHOP_HOME or ~/.bellhop)",
  );
}

export function clientFor(io: Io, home: string | undefined): Client & { readonly home: string } {
  const directory = homeDirectory({ home, env: io.env });
  const client = createClient({ home: directory, socket: homePaths(directory).socket, clock: io.clock });
  return { ...client, home: directory };
}

/**
 * The chat that a name means: a whole address, or the name of a terminal chat.
 * @throws RejectedError when it cannot be one
 */
export function chatNamed(name: string): ChatId {
  const parsed = ChatId.safeParse(name.includes(":") ? name : `terminal:${name}`);
  if (parsed.success) return parsed.data;
  throw new RejectedError(
    `--chat ${JSON.stringify(name)} is not a chat: write a name (for terminal:NAME) or an address such as web:abc.`,
  );
}
