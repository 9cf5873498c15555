/**
 * Loaded before the host of a mutation run (`node --import`): takes one guard out of the product while its
 * source is loaded. ATTACK_MUTATION is `{file, find, put}` as JSON. Where the text to replace is not there
 * exactly once the run fails: a mutation that changes nothing proves nothing.
 */
import { registerHooks } from "node:module";

const { file, find, put } = JSON.parse(process.env.ATTACK_MUTATION ?? "{}");
let done = false;

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    if (!url.endsWith(`/packages/host/src/${file}`)) return loaded;
    const source = String(loaded.source);
    if (source.split(find).length !== 2) {
      throw new Error(`the text to replace is not there exactly once in ${file}: ${find}`);
    }
    done = true;
    return { ...loaded, source: source.replace(find, () => put) };
  },
});

process.on("exit", () => {
  if (!done) process.stderr.write(`${file} was never loaded\n`);
});
