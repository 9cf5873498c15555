/** `bellhop files get`: saves a file that was sent in a chat. */
import { RejectedError } from "@bellhop/sdk";
import { Command, InvalidArgumentError } from "commander";
import { createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { FileId } from "../core/ids.ts";
import { codeOf } from "../core/error-code.ts";
import { clientFor, homeOption } from "./home-option.ts";
import type { Io } from "./io.ts";

export function filesCommand(io: Io): Command {
  const get = new Command("get")
    .summary("save a file")
    .description("Saves a file that was sent in a chat, by the id that the chat shows.")
    .argument("<id>", "the id of the file", fileId)
    .addOption(homeOption())
    .option("-o, --output <path>", "where to; without it, the content goes to stdout")
    .addHelpText("after", HELP)
    .action(async (id: FileId, { home, output }: { home?: string; output?: string }) => {
      const content = await clientFor(io, home).download(id);
      if (output === undefined) await pipeline(content, io.stdout, { end: false });
      else await save(content, output);
    });
  return new Command("files").summary("files that were sent in chats").addCommand(get);
}

/** @throws RejectedError when it cannot be written, or is there already */
async function save(content: NodeJS.ReadableStream, path: string): Promise<void> {
  try {
    await pipeline(content, createWriteStream(path, { flags: "wx" }));
  } catch (cause) {
    const code = codeOf(cause);
    if (code === "EEXIST")
      throw new RejectedError(`${path} is there already; choose another name.`, { cause });
    await rm(path, { force: true });
    throw new RejectedError(`The file could not be saved as ${path} (${code ?? String(cause)}).`, { cause });
  }
}

function fileId(text: string): FileId {
  const parsed = FileId.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new InvalidArgumentError("It is the id that a chat shows with a file.");
}

const HELP = `
Examples:
  bellhop files get 0b6d2a52-6b0c-4f7f-9c7a-2f3d0a1b4c5d -o report.pdf
  bellhop files get 0b6d2a52-6b0c-4f7f-9c7a-2f3d0a1b4c5d | less`;
