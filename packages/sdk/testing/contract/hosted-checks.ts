/** What an adapter and a host do together, as people see it. */
import { deepStrictEqual, equal, ok } from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { PeerChat } from "../peer.ts";
import { TemporaryError } from "../../src/errors.ts";
import { AMBIGUITY, needsPatience } from "./ambiguity.ts";
import { cannot, type Lack, needsListen, within, without } from "./check.ts";
import { essay, readsAs, sourceOf } from "./essay.ts";
import { type ContractHost, type HostCheck, OWNER, STRANGER } from "./hosted.ts";
import { PRESSING } from "./pressing.ts";
import { texts } from "./sending.ts";

const hasFiles: Lack = ({ abilities }) =>
  abilities.maxFileBytes === undefined ? "it has no files" : undefined;

async function asks({ direct, shows }: ContractHost, word: string, before = ""): Promise<void> {
  await direct.says(OWNER, `${before}say: ${word}`);
  await shows(direct, word, ({ text }) => text === word);
}

const count = (chat: PeerChat, word: string) => texts(chat).filter((text) => text === word).length;

export const HOST_CHECKS: readonly HostCheck[] = [
  {
    point: 1,
    says: "brings a question and its answer",
    async run(given) {
      await asks(given, "hello");

      deepStrictEqual(texts(given.direct), ["hello"]);
    },
  },
  {
    point: 2,
    says: "answers what came twice once, after a restart too",
    plain: true,
    without: cannot("listen", { how: "duplicate" }),
    async run(given) {
      const { peer, host, direct } = given;
      peer.fault("listen", { how: "duplicate" });
      await asks(given, "one");
      await host.restart();
      await asks(given, "two");

      deepStrictEqual(texts(direct), ["one", "two"]);
    },
  },
  {
    point: 3,
    says: "lets no chat wait for another",
    plain: true,
    without: needsListen, // all that is Bellhop's own is of one group
    async run(given) {
      const { direct, group, groupOwner, shows } = given;
      await group.says(groupOwner, "think: 3\nsay: slow", { mentionsUs: true });
      await direct.says(OWNER, "say: quick");
      await shows(direct, "quick", ({ text }) => text === "quick");
      const slowFirst = texts(group).includes("slow");
      await shows(group, "slow", ({ text }) => text === "slow");

      equal(slowFirst, false);
    },
  },
  {
    point: 4,
    says: "answers once what it took before it was killed",
    plain: true,
    async run(given) {
      const { direct, host, shows } = given;
      await asks(given, "before");
      await direct.says(OWNER, "think: 1\nsay: while it died");
      await within(10_000, "it is killed", host.kill());
      await shows(direct, "while it died", ({ text }) => text === "while it died");
      await asks(given, "after");

      deepStrictEqual(texts(direct), ["before", "while it died", "after"]);
    },
  },
  {
    point: 4,
    says: "shows a message as often as it promises that was sent when the host was killed",
    plain: true,
    without: needsListen,
    async run(given) {
      const { direct, host, channel, swallow } = given;
      const sent = swallow();
      await direct.says(OWNER, "say: hello");
      await sent;
      await host.kill();
      await asks(given, "after");

      const most = channel.abilities.resend.how === "twice" ? 2 : 1;
      equal(count(direct, "hello"), most);
      equal(texts(direct).at(-1), "after");
    },
  },
  {
    point: 5,
    says: "shows a message as often as the table says, whatever goes wrong with it",
    plain: true,
    without: needsListen,
    async run(given) {
      const { peer, direct, calls, channel, until, hears, shows } = given;
      await asks(given, "ready");
      for (const [index, { fault, throws, seen }] of AMBIGUITY.entries()) {
        // An account that was refused stands still until its operator comes; that is shown elsewhere.
        if (fault.how === "unauthorised" || (needsPatience(fault) && peer.patienceMs === undefined)) continue;
        const word = `message ${index}`;
        // Who cannot be reached is not heard from either: what is asked has to be in the house by then.
        const later = fault.how === "unreachable";
        if (!later && !peer.fault("send", fault)) continue;
        const asked = later ? `think: 1\nsay: ${word}` : `say: ${word}`;
        await direct.says(OWNER, asked);
        if (later) {
          await hears(asked);
          if (!peer.fault("send", fault)) continue;
        }
        await until(`${fault.how}: the first try ends`, () => calls().some((one) => one.text === word));
        const [first] = calls().filter((one) => one.text === word);
        if (fault.how !== "unreachable")
          ok(first?.error instanceof throws, `${fault.how}: ${String(first?.error)}`);
        if (first?.error instanceof TemporaryError && fault.how === "unreachable") await peer.mend();
        const times = seen[channel.abilities.resend.how];
        if (times === 0) {
          await shows(direct, "that it could not be delivered", ({ text }) => text.includes(`“${word}”`));
        } else await until(`${fault.how}: it is seen`, () => count(direct, word) >= times);
        await asks(given, `after ${index}`);
        equal(count(direct, word), times, `${fault.how}: people see it ${count(direct, word)} times`);
      }
    },
  },
  {
    point: 7,
    says: "brings what was written while its platform could not be reached, both ways and once",
    plain: true,
    without: without(
      needsListen,
      cannot("listen", { how: "unreachable" }),
      cannot("send", { how: "unreachable" }),
    ),
    async run(given) {
      const { peer, direct, calls, until, hears } = given;
      await asks(given, "ready");
      const asked = "think: 1\nsay: answered meanwhile";
      await direct.says(OWNER, asked);
      await hears(asked);
      for (const call of ["listen", "send"] as const) peer.fault(call, { how: "unreachable" });
      peer.cut();
      await direct.says(OWNER, "say: asked meanwhile");
      const tries = () => calls().filter(({ text }) => text === "answered meanwhile");
      await until("the answer is tried twice", () => tries().length >= 2);
      await peer.mend();
      await until("all of it is seen", () => count(direct, "asked meanwhile") > 0);
      await asks(given, "after");

      ok(tries()[0]?.error instanceof TemporaryError, String(tries()[0]?.error));
      deepStrictEqual(texts(direct), ["ready", "answered meanwhile", "asked meanwhile", "after"]);
    },
  },
  {
    point: 8,
    says: "shows an answer of 20,000 characters whole and in order",
    async run({ host, direct, shows }) {
      const blocks = essay();
      const source = `${sourceOf(blocks)}\n\nThe very end.`;
      await writeFile(join(host.folder, "essay.md"), source, { mode: 0o644 });
      await direct.says(OWNER, "run: cat essay.md");
      const end = await shows(
        direct,
        "the end of it",
        ({ text, file }) => text.includes("The very end.") || file !== undefined,
      );

      if (end.file) equal(Buffer.from(end.file.content).toString(), source);
      else readsAs(texts(direct), [...blocks, { source: "The very end.", pieces: ["The very end."] }]);
    },
  },
  {
    point: 9,
    says: "answers in the thread from which it was asked",
    without: without(needsListen, ({ abilities }) => (abilities.threads ? undefined : "it has no threads")),
    async run({ peer, group, shows }) {
      const thread = peer.thread?.(group, "Dinner") ?? group;
      await thread.says(OWNER, "say: in the thread", { mentionsUs: true });
      await shows(thread, "in the thread", ({ text }) => text === "in the thread");

      deepStrictEqual(texts(group), []);
    },
  },
  {
    point: 9,
    says: "does not answer a stranger, and does once they have shown the owner's code",
    without: needsListen,
    async run(given) {
      const { peer, host, shows } = given;
      const chat = peer.direct(STRANGER);
      await chat.says(STRANGER, "say: let me in");
      await asks(given, "to the owner");
      equal(count(chat, "let me in"), 0);
      await chat.says(STRANGER, await host.pair());
      await shows(chat, "that they are an owner now", ({ text }) => text.startsWith("You are an owner now"));
      await chat.says(STRANGER, "/main");
      await chat.says(STRANGER, "say: it is me");
      await shows(chat, "it is me", ({ text }) => text === "it is me");
    },
  },
  ...PRESSING,
  {
    point: 11,
    says: "keeps a file in its place, whatever its name",
    without: hasFiles,
    async run({ direct, shows }) {
      const content = new TextEncoder().encode("eggs and milk");
      await direct.says(OWNER, "run: cat /workspace/media/*outside.txt", {
        file: { name: "../../outside.txt", type: "text/plain", content },
      });
      await shows(direct, "what is in it", ({ text }) => text.includes("eggs and milk"));
    },
  },
  {
    point: 11,
    says: "brings a file of the agent's to people",
    without: hasFiles,
    async run({ host, direct, shows }) {
      await writeFile(join(host.folder, "list.txt"), "eggs and milk", { mode: 0o644 });
      await direct.says(OWNER, 'tool: send_file {"path": "list.txt"}\nsay: sent');
      const { file } = await shows(direct, "the file", (message) => message.file !== undefined);
      await shows(direct, "the end", ({ text }) => text.endsWith("sent"));

      deepStrictEqual(
        [file?.name, Buffer.from(file?.content ?? []).toString()],
        ["list.txt", "eggs and milk"],
      );
    },
  },
  {
    point: 12,
    says: "shows that it writes as long as a turn runs, and no longer",
    typingMs: 500,
    without: without(
      needsListen,
      ({ typing }) => (typing ? undefined : "it cannot show that it writes"),
      (_, peer) => (peer.direct(OWNER).typings ? undefined : "its peer cannot see it there"),
    ),
    async run(given) {
      const { direct } = given;
      await asks(given, "thought about", "think: 2\n");
      const during = direct.typings?.() ?? 0;
      await new Promise((resolve) => {
        setTimeout(resolve, 1_000); // as long as two of them would take
      });

      ok(during >= 3, `it was shown ${during} times in 2 s`);
      ok((direct.typings?.() ?? 0) <= during + 1, "it goes on after the answer");
    },
  },
  {
    point: 12,
    says: "lets an answer grow, not too often, and ends with all of it",
    without: without(needsListen, ({ abilities }) => (abilities.edits ? undefined : "it has no edits")),
    async run({ direct, calls, shows, until }) {
      await direct.says(OWNER, "stream: 40 100");
      const whole = Array.from({ length: 40 }, (_, i) => `word${i + 1}`).join(" ");
      await shows(direct, "all of it", ({ text }) => text === whole);
      await until("its last edit is over", () => calls().at(-1)?.text === whole);

      deepStrictEqual(texts(direct), [whole]);
      const edits = calls()
        .filter(({ kind, text }) => kind === "edit" && text !== whole)
        .map(({ at }) => at);
      ok(edits.length > 0, "it did not grow");
      for (const [i, at] of edits.slice(1).entries()) ok(at - (edits[i] ?? 0) > 900, "it grew too often");
    },
  },
  {
    point: 13,
    says: "ends what it began when its host is stopped, and goes on where it was",
    plain: true,
    async run(given) {
      const { direct, host, shows } = given;
      await asks(given, "first");
      await direct.says(OWNER, "think: 0.5\nsay: last words");
      await host.restart();
      await shows(direct, "last words", ({ text }) => text === "last words");
      await asks(given, "next");

      deepStrictEqual(texts(direct), ["first", "last words", "next"]);
    },
  },
];
