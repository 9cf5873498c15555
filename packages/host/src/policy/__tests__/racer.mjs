/**
 * Swaps a folder under the host's hand as fast as it can, until it is killed: for a link to a secret
 * (`link`), for the secret's own folder (`folder`), or its parent for a link to another parent (`parent`).
 * Says `racing` once it has swapped for the first time.
 */
import { renameSync, symlinkSync, unlinkSync } from "node:fs";
import { dirname } from "node:path";

const [how, allowed, secret] = process.argv.slice(2);
const [mine, theirs] = how === "parent" ? [dirname(allowed), dirname(secret)] : [allowed, secret];
for (let round = 0; ; round += 1) {
  renameSync(mine, `${mine}.aside`);
  if (how === "folder") renameSync(theirs, mine);
  else symlinkSync(theirs, mine);
  if (round === 0) process.stdout.write("racing\n");
  if (how === "folder") renameSync(mine, theirs);
  else unlinkSync(mine);
  renameSync(`${mine}.aside`, mine);
  // Held a little, so that what was judged is there to be mounted at times.
  for (const until = performance.now() + (round % 7); performance.now() < until;);
}
