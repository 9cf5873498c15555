/**
 * A program in the place of the engine's that lies about who it is and what happened (F33). It drives the group
 * `forged`, and speaks ACP; forged frames of the other engine are held by packages/host/src/engines/__tests__/forged-cli.test.ts.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { House } from "../house.ts";
import type { Row } from "../row.ts";

const FORGED = "FORGED";
/** A program that broke its protocol is tried again, three times. */
const PATIENCE_MS = 90_000;

/** What it said it had no right to, or made. */
function marks(house: House, from: number): string | undefined {
  const said = house.shown.slice(from).find(({ text }) => text.includes(FORGED));
  if (said) return `${said.room} was told ${JSON.stringify(said.text.slice(0, 80))}`;
  return existsSync(aim(house)) ? "a file was made outside the sandbox" : undefined;
}

const aim = (house: House) => join(house.base, "forged.txt");

function forged(tries: string, deed: string, input: (house: House) => object = () => ({})): Row {
  return {
    class: "frames",
    tries,
    async run({ house }) {
      const from = house.shown.length;
      await house.say("forged", `forge ${deed} ${JSON.stringify(input(house))}`, { patienceMs: PATIENCE_MS });
      await house.say("theirs", "say: still here");
      return marks(house, from);
    },
  };
}

export const FRAMES: readonly Row[] = [
  forged("words for other sessions", "sessions"),
  forged("answers that nobody asked for", "answers"),
  forged("a file of the host's, read for it", "read", (house) => ({ path: `${house.base}/passwords.txt` })),
  forged("a file of the host's, written for it", "write", (house) => ({ path: aim(house) })),
  forged("a terminal of the host's", "terminal", (house) => ({ path: aim(house) })),
  forged("leave that nobody asked it to have", "permission"),
  forged("tools called past the protocol", "tools"),
  forged("keys of prototypes", "prototype"),
  forged("depth", "deep"),
  forged("a line without end", "long"),
  forged("100,000 frames", "many"),
  forged("10,000 lines that are none", "noise"),
  forged("a gigabyte of output", "output"),
  forged("a gigabyte of errors", "errors"),
  {
    class: "frames",
    tries: "words without a live turn",
    async run({ house }) {
      const from = house.shown.length;
      await house.say("forged", "forge late {}");
      // It speaks 300 ms after its turn; what came of that would be in one of these.
      await house.say("theirs", "think: 0.6\nsay: still here");
      await house.say("forged", "say: again");
      return marks(house, from);
    },
  },
];
