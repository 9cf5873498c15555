/** Points 2, 3, 6 and 13: what was written is heard at least once and in order, whatever its platform does. */
import { deepStrictEqual, equal, ok } from "node:assert/strict";
import type { Inbound } from "../../src/channel.ts";
import { ConfigError } from "../../src/errors.ts";
import { cannot, type Check, needsListen, oneLine, outcome, within, without } from "./check.ts";
import { keyOf } from "./hearing.ts";
import { ANN, BEN, PATIENCE_MS } from "./rig.ts";

export const numbers = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => String(from + i));

export const DELIVERING: readonly Check[] = [
  {
    point: 2,
    says: "gives what comes twice the same key, at once and after a restart from an older cursor",
    without: needsListen,
    async run({ peer, heard, hears, marker, restart, cursor }) {
      const chat = peer.direct(ANN);
      const doubles = peer.fault("listen", { how: "duplicate" });
      await chat.says(ANN, "only once");
      await hears("it", ({ text }) => text === "only once");
      await marker();
      await restart({ cursor });
      await marker();

      const copies = heard.filter(({ text }) => text === "only once");

      ok(!doubles || copies.length > 1, "it came twice, and whether it did is for the host to find out");
      equal(new Set(copies.map(keyOf)).size, 1);
    },
  },
  {
    point: 2,
    says: "confirms nothing to its platform that is not on disk yet",
    without: needsListen,
    async run(rig) {
      const { peer, heard, hold, until, restart, marker } = rig;
      const chat = peer.direct(ANN);
      hold();
      await chat.says(ANN, "written while the host dies");
      await until("it waits to be committed", () => rig.waiting > 0);
      await restart();
      await marker();

      ok(
        heard.some(({ text }) => text === "written while the host dies"),
        "it was lost: the platform was told that it had arrived before it was on disk",
      );
    },
  },
  {
    point: 3,
    says: "hears a chat in the order in which it was written",
    without: needsListen,
    async run({ peer, heard, marker }) {
      const [one, other] = [peer.direct(ANN), peer.direct(BEN)];
      for (const n of numbers(0, 20)) {
        await one.says(ANN, n);
        await other.says(BEN, n);
      }
      await marker();

      for (const { id } of [one, other]) {
        const texts = heard.filter(({ chat }) => chat === id).map(({ text }) => text);
        deepStrictEqual(texts, numbers(0, 20));
      }
    },
  },
  {
    point: 3,
    says: "loses nothing where its platform hands things out in another order",
    without: needsListen,
    async run({ peer, heard, marker }) {
      const chat = peer.direct(ANN);
      peer.fault("listen", { how: "reorder" });
      for (const n of numbers(0, 4)) await chat.says(ANN, n);
      await marker();

      const texts = heard.filter((one) => one.chat === chat.id).map(({ text }) => text);
      deepStrictEqual([...new Set(texts)].sort(), numbers(0, 4));
    },
  },
  {
    point: 3,
    says: "does not let a slow chat hold up another",
    without: cannot("send", { how: "delay", ms: 3_000 }),
    async run({ peer, send }) {
      const [slow, quick] = [peer.direct(ANN), peer.direct(BEN)];
      peer.fault("send", { how: "delay", ms: 3_000 });
      const stop = new AbortController();
      const asked = peer.asked("send");
      const late = outcome(() => send({ kind: "text", chat: slow.id, text: "slow" }, stop.signal));
      while (peer.asked("send") === asked) await peer.changed();

      await within(2_500, "the other chat is served", send({ kind: "text", chat: quick.id, text: "quick" }));

      stop.abort(new Error("enough"));
      await within(PATIENCE_MS, "the slow one ends", late);
      deepStrictEqual(
        quick.messages().map(({ text }) => text),
        ["quick"],
      );
    },
  },
  {
    point: 6,
    says: "stops with a sentence for its operator where its account is refused, and does not knock again",
    without: without(needsListen, cannot("listen", { how: "unauthorised" })),
    async run(rig) {
      const { peer, stopped, until, restart } = rig;
      await rig.marker();
      peer.fault("listen", { how: "unauthorised", calls: 1_000 });
      peer.cut();
      await until("it stops listening", () => stopped.some((error) => error instanceof ConfigError));
      const asked = peer.asked("listen");
      const health = rig.channel.health?.();
      await new Promise((resolve) => {
        setTimeout(resolve, 200); // a hot loop would show
      });

      ok(peer.asked("listen") <= asked + 1, "it goes on knocking");
      const error = stopped.find((one) => one instanceof ConfigError);
      deepStrictEqual(health, { state: "down", why: error?.message }, "its health says why");
      oneLine(error?.message);
      const again = stopped.length;
      await restart();
      await until("it says so from its start", () => stopped[again] instanceof ConfigError);
      await peer.mend();
      await restart();
      await rig.marker();
    },
  },
  {
    point: 6,
    says: "does not knock in a hot loop where its platform is ill, and hears all once it is well",
    without: without(needsListen, cannot("listen", { how: "server error", status: 502 })),
    async run({ peer, marker, hears }) {
      const asked = peer.asked("listen");
      peer.fault("listen", { how: "server error", status: 502, calls: 3 });
      peer.cut();
      await peer.direct(ANN).says(ANN, "while it was ill");
      await hears("what was written meanwhile", ({ text }) => text === "while it was ill");
      await marker();

      ok(peer.asked("listen") - asked < 20, "it knocked too often");
    },
  },
  {
    point: 6,
    says: "says so where somebody else listens for its account, or shares with them",
    without: needsListen,
    async run({ peer, stopped, hears }) {
      const second = peer.connect();
      const stop = new AbortController();
      const also: string[] = [];
      const refused: unknown[] = [];
      const listening = async () => {
        const hear = async ({ text }: Inbound) => void also.push(text);
        refused.push(await outcome(async () => await second.listen?.(undefined, hear, stop.signal)));
      };
      const over = listening();
      await peer.direct(ANN).says(ANN, "who hears this?");
      const both = async () => {
        await hears("it", ({ text }) => text === "who hears this?");
        while (!also.includes("who hears this?")) await peer.changed();
      };
      const told = async () => {
        while (!stopped.some((error) => error instanceof ConfigError)) await peer.changed();
      };
      await within(PATIENCE_MS, "both hear it, or one is told", Promise.race([both(), over, told()]));
      stop.abort(new Error("enough"));
      await within(PATIENCE_MS, "the second ends", over);

      const errors = [...refused, ...stopped].filter((error) => error instanceof ConfigError);
      for (const { message } of errors) oneLine(message);
      ok(also.includes("who hears this?") || errors.length > 0, "one of them hears nothing and is not told");
    },
  },
  {
    point: 13,
    says: "ends at once when it is told to, and misses nothing by it",
    without: needsListen,
    async run({ peer, heard, marker, stop, restart }) {
      const chat = peer.direct(ANN);
      await chat.says(ANN, "before");
      await marker();
      await within(2_000, "it ends", stop());
      await chat.says(ANN, "in between");
      await restart();
      await marker();

      const texts = heard.filter((one) => one.chat === chat.id).map(({ text }) => text);
      deepStrictEqual(texts, ["before", "in between"]);
    },
  },
];
