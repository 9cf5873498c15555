/**
 * Point 7: what was written is heard whatever happens to the connection, and nobody is stormed meanwhile. Beside
 * that, what is said of it: one line, which its operator understands.
 */
import { deepStrictEqual, equal, ok } from "node:assert/strict";
import { TemporaryError } from "../../src/errors.ts";
import type { PeerFault } from "../peer.ts";
import { cannot, type Check, fail, needsListen, oneLine, outcome, without } from "./check.ts";
import { numbers } from "./delivering.ts";
import { keyOf } from "./hearing.ts";
import { countKnocks } from "./holding.ts";
import { ANN, type Rig } from "./rig.ts";

const needsHealth = (channel: { readonly listen?: unknown; readonly health?: unknown }) =>
  channel.listen === undefined && channel.health === undefined ? "it has no connection" : undefined;

const CUTS = 100;
/** After so many, what it needs at all is there. */
const FEW_CUTS = 10;
const BETWEEN_CUTS_MS = 30;
/** For one cut: to ask where, to connect, to ask for what came, once or twice each. */
const KNOCKS_EACH = 5;
/** Of listeners, sockets, timers: what comes and goes by itself. One more for each cut is far more. */
const NOT_GROWN = 15;

const OUTAGE_MS = 1_000;
/** So soon an adapter knows how it stands with its connection. */
const HEALTH_MS = 3_000;

export const CONNECTION: readonly Check[] = [
  {
    point: 7,
    says: "goes on where it was after its connection was cut, with nothing lost",
    without: needsListen,
    async run({ peer, heard, marker }) {
      const chat = peer.direct(ANN);
      for (const n of numbers(0, 6)) {
        await chat.says(ANN, n);
        if (Number(n) % 2 === 1) peer.cut();
      }
      await marker();

      const texts = heard.filter((one) => one.chat === chat.id).map(({ text }) => text);
      deepStrictEqual([...new Set(texts)], numbers(0, 6));
    },
  },
  {
    point: 7,
    says: "loses nothing where it is cut again and again while people write, storms nobody, and holds on to nothing",
    without: needsListen,
    async run(rig) {
      const { peer, heard, marker } = rig;
      const chat = peer.direct(ANN);
      await marker();
      const asked = peer.asked("listen");
      await cutBetween(rig, numbers(0, FEW_CUTS));
      const before = rig.held();
      await cutBetween(rig, numbers(FEW_CUTS, CUTS));

      const ofChat = heard.filter((one) => one.chat === chat.id);
      deepStrictEqual([...new Set(ofChat.map(({ text }) => text))], numbers(0, CUTS));
      equal(new Set(ofChat.map(keyOf)).size, CUTS, "what came twice is the same, and the host can tell");
      const knocks = peer.asked("listen") - asked;
      ok(knocks <= CUTS * KNOCKS_EACH, `it knocked ${knocks} times for ${CUTS} cuts`);
      for (const what of ["listeners", "resources"] as const) {
        await eventually(
          `it holds as many ${what} as after a few cuts: ${before[what]}, not ${rig.held()[what]}`,
          () => rig.held()[what] <= before[what] + NOT_GROWN,
        );
      }
    },
  },
  {
    point: 7,
    says: "takes up a connection that ended in the middle of a frame",
    without: without(needsListen, cannot("listen", { how: "close mid-frame" })),
    async run({ peer, heard, marker }) {
      const chat = peer.direct(ANN);
      peer.fault("listen", { how: "close mid-frame" });
      await chat.says(ANN, "in half a frame");
      await marker();

      ok(heard.some(({ text }) => text === "in half a frame"));
    },
  },
  findsOut("nobody ends it", { how: "go silent" }),
  findsOut("bytes come over it that never become anything", { how: "trickle", everyMs: 50 }),
  {
    point: 7,
    says: "leaves a platform alone that cannot be reached, says so in one line, and brings all of it afterwards",
    without: without(needsListen, cannot("listen", { how: "unreachable" })),
    async run(rig) {
      const { peer, heard, marker, stopped, send } = rig;
      const chat = peer.direct(ANN);
      await marker();
      peer.fault("listen", { how: "unreachable" });
      peer.fault("send", { how: "unreachable" });
      peer.cut();
      await eventually("it tries again and again", () => stopped.length >= 3);
      await chat.says(ANN, "while nobody could be reached");
      const why = () => {
        const health = rig.channel.health?.() ?? { state: "up" };
        return health.state === "up" ? undefined : health.why;
      };
      const lines = new Set<string | undefined>();
      using knocks = countKnocks();
      const [tries, asked] = [stopped.length, peer.asked("listen")];
      for (const end = Date.now() + OUTAGE_MS; Date.now() < end; await soon()) lines.add(why());
      const calls = stopped.length - tries + 1;
      const unsent = await outcome(() => send({ kind: "text", chat: chat.id, text: "into the void" }));
      const seen = knocks.count + peer.asked("listen") - asked; // some peers are no sockets
      await peer.mend();
      await send({ kind: "text", chat: chat.id, text: "afterwards" });
      await marker();

      ok(seen <= calls * KNOCKS_EACH, `it knocked ${seen} times where it was told to listen ${calls} times`);
      equal(lines.size, 1, `its health says one thing: ${JSON.stringify([...lines])}`);
      oneLine([...lines][0]);
      ok(unsent instanceof TemporaryError, `it says of a message that can be sent later: ${String(unsent)}`);
      const theirs = heard.filter((one) => one.chat === chat.id && one.sender.self !== true);
      deepStrictEqual([...new Set(theirs.map(({ text }) => text))], ["while nobody could be reached"]);
    },
  },
  {
    point: 7,
    says: "hears what was written while its platform was away, and while it was away itself",
    without: without(needsListen, cannot("listen", { how: "unreachable" })),
    async run({ peer, heard, marker, restart, stop }) {
      const chat = peer.direct(ANN);
      await marker();
      peer.fault("listen", { how: "unreachable" });
      peer.cut();
      await chat.says(ANN, "the platform was away");
      await peer.mend();
      await marker();
      await stop();
      await chat.says(ANN, "we were away");
      await restart();
      await marker();

      const texts = heard.filter((one) => one.chat === chat.id).map(({ text }) => text);
      deepStrictEqual([...new Set(texts)], ["the platform was away", "we were away"]);
    },
  },
  {
    point: 7,
    says: "tells the truth about its health",
    without: needsHealth,
    async run(rig) {
      const { peer, marker } = rig;
      const state = () => rig.channel.health?.().state ?? fail("it listens, and says nothing of its health");
      await marker();
      equal(state(), "up");
      if (!peer.fault("listen", { how: "unreachable" })) return;
      peer.cut();
      await eventually("it is not up while its platform is away", () => state() !== "up");
      await peer.mend();
      await marker();
      await eventually("it is up again", () => state() === "up");
    },
  },
];

function findsOut(though: string, fault: PeerFault): Check {
  return {
    point: 7,
    says: `finds out that its connection is dead, though ${though}`,
    without: without(needsListen, cannot("listen", fault)),
    async run({ peer, heard, marker }) {
      const chat = peer.direct(ANN);
      await marker();
      peer.fault("listen", fault);
      await chat.says(ANN, "over a dead connection");
      await marker();

      ok(heard.some(({ text }) => text === "over a dead connection"));
    },
  };
}

/** Each is written just before everybody is cut; resolves once all was heard. */
async function cutBetween({ peer, marker }: Rig, texts: readonly string[]): Promise<void> {
  const chat = peer.direct(ANN);
  for (const text of texts) {
    await chat.says(ANN, text);
    peer.cut();
    await new Promise((resolve) => {
      setTimeout(resolve, BETWEEN_CUTS_MS); // who is quick is there again, and cut again
    });
  }
  await marker();
}

/** For what no event tells: it is looked at again and again. */
async function eventually(what: string, look: () => boolean): Promise<void> {
  const end = Date.now() + HEALTH_MS;
  while (!look()) {
    if (Date.now() > end) fail(`not within ${HEALTH_MS / 1000} s: ${what}`);
    await soon();
  }
}

async function soon(): Promise<void> {
  await new Promise((resolve) => {
    setTimeout(resolve, 10);
  });
}
