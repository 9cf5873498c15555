/**
 * Whether people got what they were promised, judged from outside: what the clients noted in their
 * journals against what every chat shows (guarantees I1 to I4).
 *
 * Promised is, for each acknowledged message: it stands in its chat once; exactly one completed turn
 * took it in; that turn said exactly one thing, the answer to the newest message it took in; and
 * messages and answers of a chat come in the order in which they were written.
 */
import type { DurableEvent, MessageEvent, TurnEvent } from "../packages/host/src/core/events.ts";
import type { ChatId } from "../packages/host/src/core/ids.ts";

/** What a client knows of a message that it has sent, in the order in which it sent them. */
export interface Sent {
  readonly chat: ChatId;
  readonly text: string;
  /** What the host said it became; none if it never acknowledged it. */
  readonly message: string | undefined;
  /** What the agent answers to it when nothing newer comes along. */
  readonly answer: string;
}

export interface Verdict {
  readonly acked: number;
  /** Acknowledged, but not in its chat, without a completed turn, or without an answer. */
  readonly lost: number;
  /** There twice: in its chat, in completed turns, or answered more than once. */
  readonly doubled: number;
  /** Whatever else should not be there, wrong order included. */
  readonly unexpected: number;
  readonly outOfOrder: number;
  /** One sentence each, for the first findings. */
  readonly findings: readonly string[];
}

const MAX_FINDINGS = 20;

export function judge(
  sent: readonly Sent[],
  timelines: ReadonlyMap<ChatId, readonly DurableEvent[]>,
): Verdict {
  const count = { lost: 0, doubled: 0, unexpected: 0, outOfOrder: 0 };
  const findings: string[] = [];
  function found(what: keyof typeof count, sentence: string, times = 1): void {
    count[what] += times;
    if (what === "outOfOrder") count.unexpected += times;
    if (findings.length < MAX_FINDINGS) findings.push(`${what}: ${sentence}`);
  }

  const chats = new Set([...sent.map(({ chat }) => chat), ...timelines.keys()]);
  for (const chat of chats) {
    judgeChat(
      chat,
      sent.filter((message) => message.chat === chat),
      timelines.get(chat) ?? [],
      found,
    );
  }
  return { acked: sent.filter(({ message }) => message !== undefined).length, ...count, findings };
}

type Found = (
  what: "lost" | "doubled" | "unexpected" | "outOfOrder",
  sentence: string,
  times?: number,
) => void;

function judgeChat(chat: ChatId, sent: readonly Sent[], events: readonly DurableEvent[], found: Found): void {
  const shown = events.filter((event) => event.type === "message" && event.direction === "in");
  const said = events.filter((event) => event.type === "message" && event.direction === "out");
  const done = events.filter((event) => event.type === "turn" && event.state === "done");

  judgeShown(chat, sent, shown.filter(isMessage), found);
  const taken = judgeTurns(chat, sent, done.filter(isTurn), said.filter(isMessage), found);
  const written = sent.flatMap(({ message }) => message ?? []);
  judgeOrder(`${chat}: turns took messages in another order than they were written`, written, taken, found);
}

/** Each message stands in its chat once, in the order in which it was written, and nothing else does. */
function judgeShown(chat: ChatId, sent: readonly Sent[], shown: readonly MessageEvent[], found: Found): void {
  const byText = new Map(sent.map((message) => [message.text, message]));
  const seen = new Set<string>();
  for (const { text, message, kind } of shown) {
    const known = byText.get(text);
    if (seen.has(text)) found("doubled", `${chat}: "${text}" stands there twice`);
    else if (!known) found("unexpected", `${chat}: nobody wrote "${text}"`);
    else if (kind !== "text") found("unexpected", `${chat}: "${text}" was not admitted`);
    else if (known.message !== undefined && known.message !== message) {
      found("unexpected", `${chat}: "${text}" was acknowledged as another message`);
    }
    seen.add(text);
  }
  for (const { text, message } of sent) {
    if (message !== undefined && !seen.has(text))
      found("lost", `${chat}: "${text}" was acknowledged and is gone`);
  }
  const written = sent.map(({ text }) => text);
  judgeOrder(
    `${chat}: messages stand in another order than they were written`,
    written,
    shown.map(({ text }) => text),
    found,
  );
}

/** @returns the messages that completed turns took in, in the order in which those ended */
function judgeTurns(
  chat: ChatId,
  sent: readonly Sent[],
  done: readonly TurnEvent[],
  said: readonly MessageEvent[],
  found: Found,
): string[] {
  const byId = new Map(
    sent.flatMap((one) => (one.message === undefined ? [] : [[one.message, one] as const])),
  );
  const times = new Map<string, number>();
  for (const { turn, inputs } of done) {
    for (const input of inputs) times.set(input, (times.get(input) ?? 0) + 1);
    judgeAnswer(chat, turn, byId.get(inputs.at(-1) ?? ""), inputs.length, said, found);
  }
  for (const [message, { text }] of byId) {
    const n = times.get(message) ?? 0;
    if (n === 0) found("lost", `${chat}: no completed turn for "${text}"`);
    if (n > 1) found("doubled", `${chat}: ${n} completed turns for "${text}"`);
  }
  const turns = new Set<string>(done.map(({ turn }) => turn));
  for (const { text, turn } of said) {
    if (turn === undefined || !turns.has(turn))
      found("unexpected", `${chat}: "${text}" belongs to no completed turn`);
  }
  const answered = done.map(({ turn }) => turn).filter((turn) => said.some((one) => one.turn === turn));
  const spoken = said.flatMap(({ turn }) => (turn !== undefined && turns.has(turn) ? [turn] : []));
  judgeOrder(`${chat}: answers stand in another order than their turns`, answered, spoken, found);
  return done.flatMap(({ inputs }) => inputs);
}

function judgeAnswer(
  chat: ChatId,
  turn: string,
  newest: Sent | undefined,
  inputs: number,
  said: readonly MessageEvent[],
  found: Found,
): void {
  if (!newest) return found("unexpected", `${chat}: turn ${turn} ends with a message that nobody wrote`);
  const answers = said.filter((one) => one.turn === turn);
  if (answers.length === 0) found("lost", `${chat}: "${newest.text}" was never answered`, inputs);
  if (answers.length > 1) found("doubled", `${chat}: "${newest.text}" was answered ${answers.length} times`);
  for (const { text, kind } of answers) {
    if (kind !== "text" || text !== newest.answer) {
      found("unexpected", `${chat}: "${newest.text}" was answered "${text}" (${kind})`);
    }
  }
}

/** Of those that are in both; what is missing or too much is somebody else's finding. */
function judgeOrder(sentence: string, wanted: readonly string[], got: readonly string[], found: Found): void {
  const place = new Map(wanted.map((one, index) => [one, index]));
  const places = got.flatMap((one) => place.get(one) ?? []);
  const backwards = places.filter((at, index) => at < (places[index - 1] ?? -1)).length;
  if (backwards > 0) found("outOfOrder", sentence, backwards);
}

const isMessage = (event: DurableEvent): event is MessageEvent => event.type === "message";
const isTurn = (event: DurableEvent): event is TurnEvent => event.type === "turn";
