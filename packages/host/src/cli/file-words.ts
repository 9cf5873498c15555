/** How a file of a message is told in a terminal. */
import type { SharedFile } from "../core/events.ts";
import { sizeInWords } from "../core/size.ts";

export function fileInWords({ id, name, type, bytes, state, reason }: SharedFile): string {
  switch (state) {
    case "stored":
      return `file ${name} (${type}, ${sizeInWords(bytes)}); save it with: bellhop files get ${id}`;
    case "coming":
      return `file ${name}, which is still on its way`;
    case "stub":
      return `file ${name}, which is missing: ${reason ?? "nobody knows why"}`;
    default:
      return state satisfies never;
  }
}
