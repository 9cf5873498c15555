/**
 * Points 5 and 6: one call of ours is one call of the platform's, and its error says what is known. Also 12 and
 * 13, as far as they concern calls: what is shown while an answer is written, and calls that are given up.
 */
import { deepStrictEqual, equal, ok } from "node:assert/strict";
import type { Channel } from "../../src/channel.ts";
import { RejectedError, TemporaryError } from "../../src/errors.ts";
import { AMBIGUITY, type Ambiguity, needsPatience, RETRY_AFTER_MS } from "./ambiguity.ts";
import { cannot, type Check, fail, outcome, within, without } from "./check.ts";
import { ANN, PATIENCE_MS, type Rig } from "./rig.ts";

/** What its host gives a call at most; the adapter's patience is shorter. */
const SLOW_MS = 60_000;

type Kind = "send" | "edit";

function gives(kind: Kind, { fault, throws, applied }: Ambiguity): Check {
  const status = fault.how === "server error" ? ` ${fault.status}` : "";
  const name = `${fault.how}${status}`;
  return {
    point: fault.how === "slow down" || fault.how === "unauthorised" || status !== "" ? 6 : 5,
    says: `throws ${throws.name} from one ${kind} where its platform answers with: ${name}`,
    without: without(
      ({ edit, abilities }) =>
        kind === "edit" && !(abilities.edits && edit) ? "it has no edits" : undefined,
      cannot(kind, fault),
      (_, peer) =>
        needsPatience(fault) && peer.patienceMs === undefined
          ? "its peer does not say how long it waits"
          : undefined,
    ),
    async run(rig) {
      const { peer, channel } = rig;
      const chat = peer.direct(ANN);
      const { platformId } = await rig.send({ kind: "text", chat: chat.id, text: "before" });
      const before = { asked: peer.asked(kind), applied: peer.applied(kind) };
      const call = (text: string) =>
        kind === "send"
          ? rig.send({ kind: "text", chat: chat.id, text })
          : (channel.edit?.({ chat: chat.id, platformId, text }, new AbortController().signal) ??
            fail("there is no edit"));
      peer.fault(kind, fault);

      const error = await within(
        SLOW_MS,
        "the call ends",
        outcome(() => call("one")),
      );

      ok(error instanceof throws, `it came to ${String(error)}`);
      if (fault.how === "slow down") {
        const asked = error instanceof TemporaryError ? error.retryAfterMs : undefined;
        ok(
          asked !== undefined && asked >= RETRY_AFTER_MS,
          `it was told to wait ${RETRY_AFTER_MS} ms, and says ${asked}`,
        );
      }
      // What never reached the platform cannot be counted there.
      if (fault.how !== "unreachable") equal(peer.asked(kind) - before.asked, 1, "one call, and no other");
      equal(peer.applied(kind) - before.applied, applied ? 1 : 0);
      await peer.mend();
      await call("two");
      deepStrictEqual(texts(peer.direct(ANN)).at(-1), "two");
    },
  };
}

const hasEdits = ({ edit, abilities }: Channel) => (edit && abilities.edits ? undefined : "it has no edits");
const hasTyping = ({ typing }: Channel) => (typing ? undefined : "it cannot show that we write");

export const SENDING: readonly Check[] = [
  ...AMBIGUITY.map((line) => gives("send", line)),
  ...AMBIGUITY.map((line) => gives("edit", line)),
  {
    point: 3,
    says: "shows a chat's messages in the order in which they were sent, each under its own id",
    without: shown,
    async run({ peer, send }) {
      const chat = peer.direct(ANN);
      const ids: string[] = [];
      for (const text of ["one", "two", "three"]) {
        ids.push((await send({ kind: "text", chat: chat.id, text })).platformId);
      }

      deepStrictEqual(texts(chat), ["one", "two", "three"]);
      deepStrictEqual(
        chat.messages().map(({ platformId }) => platformId),
        ids,
      );
      equal(new Set(ids).size, 3);
    },
  },
  {
    point: 5,
    says: "shows a message once that is sent again under its key, or finds it, as it promises",
    without: without(shown, ({ abilities: { resend } }) =>
      resend.how === "twice" ? "it promises nothing of a message that is sent again" : undefined,
    ),
    async run({ peer, channel, send }) {
      const chat = peer.direct(ANN);
      const message = { kind: "text", key: "the-same-key", chat: chat.id, text: "hello" } as const;
      const first = await send(message);

      if (channel.abilities.resend.how === "once") {
        deepStrictEqual(await send(message), first);
        deepStrictEqual(texts(chat), ["hello"]);
        return;
      }
      const { signal } = new AbortController();
      deepStrictEqual(await channel.find?.({ chat: chat.id, key: "the-same-key" }, signal), first);
      equal(await channel.find?.({ chat: chat.id, key: "another-key" }, signal), undefined);
    },
  },
  {
    point: 5,
    says: "refuses for good what is for nobody",
    without: shown,
    async run({ peer, send }) {
      const error = await outcome(() => send({ kind: "text", chat: "404404", text: "anybody?" }));

      ok(error instanceof RejectedError, `it came to ${String(error)}`);
      equal(peer.applied("send"), 0);
    },
  },
  {
    point: 12,
    says: "shows that an answer is being written",
    without: without(hasTyping, (_, peer) =>
      peer.direct(ANN).typings ? undefined : "its peer cannot see it",
    ),
    async run({ peer, channel, hears }) {
      const chat = peer.direct(ANN);
      const { signal } = new AbortController();
      // Some platforms show it on the message that is being answered.
      await chat.says(ANN, "are you there?");
      if (channel.listen) await hears("it", ({ text }) => text === "are you there?");
      await channel.typing?.(chat.id, signal);
      await channel.typing?.(chat.id, signal);

      equal(chat.typings?.(), 2);
    },
  },
  {
    point: 12,
    says: "changes what it sent, as often as it is told to, and takes the same again for no fault",
    without: without(shown, hasEdits),
    async run({ peer, channel, send }) {
      const chat = peer.direct(ANN);
      const { signal } = new AbortController();
      const { platformId } = await send({ kind: "text", chat: chat.id, text: "a" });
      for (const text of ["a b", "a b c", "a b c"]) {
        await channel.edit?.({ chat: chat.id, platformId, text }, signal);
      }

      deepStrictEqual(texts(chat), ["a b c"]);
      equal(chat.messages()[0]?.platformId, platformId);
    },
  },
  {
    point: 12,
    says: "puts its reaction in the place of the one before, and takes it away",
    without: without(shown, ({ abilities }) => (abilities.reactions ? undefined : "it has no reactions")),
    async run({ peer, channel, send }) {
      const chat = peer.direct(ANN);
      const to = await chat.says(ANN, "please");
      const [first, second = first] = channel.abilities.reactionsOf ?? ["👀", "👍"];
      const seen: (string | undefined)[] = [];
      for (const emoji of [first ?? fail("reactionsOf is empty"), second ?? "", ""]) {
        await send({ kind: "reaction", chat: chat.id, to, emoji });
        seen.push(chat.messages().find(({ platformId }) => platformId === to)?.reaction ?? "");
      }

      deepStrictEqual(seen, [first, second, ""]);
    },
  },
  {
    point: 13,
    says: "gives a call up when it is told to, and does not claim that nothing was done",
    without: cannot("send", { how: "delay", ms: SLOW_MS }),
    async run({ peer, send }) {
      peer.fault("send", { how: "delay", ms: SLOW_MS });
      const asked = peer.asked("send");
      const stop = new AbortController();
      const ends = outcome(() =>
        send({ kind: "text", chat: peer.direct(ANN).id, text: "late" }, stop.signal),
      );
      await within(
        PATIENCE_MS,
        "it is asked",
        (async () => {
          while (peer.asked("send") === asked) await peer.changed();
        })(),
      );
      stop.abort(new Error("the host stops"));

      const error = await within(2_000, "it gives up", ends);

      ok(error instanceof Error, "it came to a result");
      ok(!(error instanceof TemporaryError || error instanceof RejectedError), `it claims: ${String(error)}`);
    },
  },
];

/** What of ours people see. */
export function texts(chat: ReturnType<Rig["peer"]["direct"]>): string[] {
  return chat.messages().flatMap(({ from, text }) => (from === "us" ? text : []));
}

/** Where the platform is Bellhop itself, what was sent is seen once a host shows it. */
export function shown({ listen }: Channel): string | undefined {
  return listen ? undefined : "what it sends is shown by Bellhop's own server";
}
