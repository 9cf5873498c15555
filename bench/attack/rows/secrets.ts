/**
 * What an agent says that has come by a secret of the host's: an owner pasted it, a page showed it. The host
 * knows the value, and hides it in all that leaves, in the forms in which programs write it.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { homePaths } from "../../../packages/host/src/config.ts";
import type { House } from "../house.ts";
import type { Row } from "../row.ts";
import { shell } from "./host-files.ts";

/** People's own words may hold it; whether it comes back out is what is looked at (row.ts). */
function told(tries: string, words: (key: string) => string): Row {
  return {
    class: "secrets",
    tries,
    async run({ house }) {
      await house.say("ours", words(house.canaries.key));
      return undefined;
    },
  };
}

const base64 = (text: string) => Buffer.from(text).toString("base64");
const tool = (name: string, input: object) => `tool: ${name} ${JSON.stringify(input)}`;

/** Whose canaries stand in the files below, the host's own records of what it did. */
async function inLogs({ home, holdersIn }: House): Promise<string | undefined> {
  const folder = homePaths(home).logs;
  const names = await readdir(folder, { recursive: true, withFileTypes: true });
  const texts = await Promise.all(
    names.filter((one) => one.isFile()).map((one) => readFile(join(one.parentPath, one.name), "utf8")),
  );
  const holders = holdersIn(texts.join("\n"));
  return holders.length > 0 ? `the log holds the canary of ${holders.join(", ")}` : undefined;
}

export const SECRETS: readonly Row[] = [
  told("said as it is", (key) => `say: it is ${key}`),
  told("said in base64", (key) => `say: ${base64(key)} ${base64(`xx${key}`)} ${base64(`x${key}`)}`),
  told("said percent-encoded", (key) => `say: https://example.com/?key=${encodeURIComponent(key)}`),
  told("said as JSON", (key) => `say: ${JSON.stringify({ key })}`),
  told(
    "said over lines",
    (key) => `say: ${key.slice(0, 20)}\nsay: ${key.slice(20, 30)}\nsay: ${key.slice(30)}`,
  ),
  told(
    "said around an internal part",
    (key) => `say: ${key.slice(0, 20)}<internal>x</internal>${key.slice(20)}`,
  ),
  told("said with send_message", (key) => tool("send_message", { text: key, sender: key.slice(0, 60) })),
  told(
    "as a caption",
    (key) => `${shell("echo hi > hi.txt")}\n${tool("send_file", { path: "hi.txt", caption: key })}`,
  ),
  told(
    "as a file's name",
    (key) => `${shell("echo hi > hi.txt")}\n${tool("send_file", { path: "hi.txt", filename: `${key}.txt` })}`,
  ),
  told(
    "in a text file",
    (key) => `${shell(`echo '${key}' > key.txt`)}\n${tool("send_file", { path: "key.txt" })}`,
  ),
  told(
    "in an error",
    (key) =>
      `${tool("send_message", { text: "x", chat: `attack:${key}` })}\n${tool("get_task", { id: key })}`,
  ),
  {
    class: "secrets",
    tries: "the host's log",
    async run({ house }) {
      // What does not fit is told of in the log.
      await house.say("ours", tool("send_message", { text: 5, chat: house.canaries.key }));
      return await inLogs(house);
    },
  },
];
