/**
 * Loaded before a host under attack (`node --import`): replaces text of the product while it is loaded, to take
 * one guard out of it, or to put a program of the suite's in the place of the engine's. ATTACK_EDITS is a list
 * of `{file, find, put}` as JSON. Where the text to replace is not there exactly once the host does not start:
 * an edit that changes nothing proves nothing.
 */
import { registerHooks } from "node:module";

const waiting = JSON.parse(process.env.ATTACK_EDITS ?? "[]");

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    const here = waiting.filter(({ file }) => url.endsWith(`/packages/host/src/${file}`));
    if (here.length === 0) return loaded;
    let source = String(loaded.source);
    for (const edit of here) {
      const { file, find, put } = edit;
      if (source.split(find).length !== 2) {
        throw new Error(`the text to replace is not there exactly once in ${file}: ${find}`);
      }
      source = source.replace(find, () => put);
      waiting.splice(waiting.indexOf(edit), 1);
    }
    return { ...loaded, source };
  },
});

// By the exit code too: the house looks at it, and a file that was renamed would else be missed in silence.
process.on("exit", () => {
  for (const { file } of waiting) process.stderr.write(`${file} was never loaded\n`);
  if (waiting.length > 0) process.exitCode = 70;
});
