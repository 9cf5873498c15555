/**
 * What a chat is told when an answer fails: one sentence in plain words, with what happens next.
 * The technical detail goes to the log and to `status`, never into a chat.
 */
import { localTimes } from "../core/prompt.ts";
import { titleOf } from "../core/task.ts";
import type { ClaimedTask } from "../store/occurrences.ts";
import type { EngineFailure, FailureClass } from "./engine.ts";

/** Said once, when the turn is given up. */
export function givenUp(failure: EngineFailure): string {
  return failure.words === undefined ? SENTENCES[failure.class] : `I stopped: ${failure.words}`;
}

/** The same, where nothing failed but the time is over. */
export const TOOK_TOO_LONG =
  "I stopped: this took longer than an answer may take. Please ask for less at once.";

/** For `words` of a failure to start: by its class alone the model's service would be blamed, which nobody has asked. */
export const NO_SANDBOX = "the sandbox for this could not be opened. The owner finds the reason in the log.";

const SENTENCES: Record<FailureClass, string> = {
  transient: "I could not get an answer: the model's service keeps failing. Please try again later.",
  rate_limited:
    "I could not get an answer: the model's service is still asking us to wait. Please try again later.",
  unready: "I could not get an answer: there is no sandbox to work in. The owner was told.",
  auth: "I could not get an answer: the model's service refuses our key. The owner must renew it; then please write again.",
  permanent:
    "I could not get an answer: the model's service rejected the request. The owner finds the reason in the log.",
  refused: "The model declined to answer this.",
  overflow: "I could not get an answer: this conversation has become too long for the model.",
  stale_position: "I could not get an answer: the stored conversation could not be opened. Please try again.",
  stale_session: "I could not get an answer: the stored conversation could not be opened. Please try again.",
  resource: "I could not get an answer: the work needed more memory or processes than it may have.",
  crashed: "I could not get an answer: the agent stopped unexpectedly, more than once.",
  script: "I could not get an answer: a command of the task's own went wrong.",
  budget: "I stopped: this has used up what it may spend.",
  cancelled: "The answer was stopped.",
};

/**
 * What the chat of a task is told when a run of it is given up: nobody waits for it there, so the sentence
 * says which one it is and when it was due.
 */
export function runGivenUp(
  task: Pick<ClaimedTask, "prompt" | "script" | "scheduledFor" | "timezone">,
  why: string,
): string {
  const due = localTimes(task.timezone)(task.scheduledFor);
  return `The task “${titleOf(task)}” did not get done (due ${due}): ${why}${why.endsWith(".") ? "" : "."}`;
}

/** In plain words. What a task's own command said of itself is for its people. */
export function whyGivenUp({ class: kind, detail, words }: EngineFailure): string {
  if (words !== undefined) return words;
  return kind === "script" ? detail : RUN_REASONS[kind];
}

export const CUT_OFF =
  "Bellhop was cut off in the middle of it, and it is a task that is never begun a second time.";

const RUN_REASONS: Record<Exclude<FailureClass, "script">, string> = {
  transient: "the model's service keeps failing.",
  rate_limited: "the model's service asks us to wait for too long.",
  unready: "there was no sandbox to work in. The owner was told.",
  auth: "the model's service refuses our key. The owner must renew it.",
  permanent: "the model's service rejected the request. The owner finds the reason in the log.",
  refused: "the model declined to do it.",
  overflow: "the conversation has become too long for the model.",
  stale_position: "the stored conversation could not be opened.",
  stale_session: "the stored conversation could not be opened.",
  resource: "the work needed more memory or processes than it may have.",
  crashed: "the agent stopped unexpectedly.",
  budget: "it has used up what one run may spend.",
  cancelled: "it took longer than it may.",
};

/** Said once per incident when the wait is long enough for people to wonder. */
export function waiting({ class: kind }: EngineFailure, at: number, timezone: string): string {
  const time = new Intl.DateTimeFormat("en-GB", { timeStyle: "short", timeZone: timezone }).format(at);
  return `${WHY_WE_WAIT[kind] ?? "That did not work."} I'll try again at ${time}.`;
}

const WHY_WE_WAIT: Partial<Record<FailureClass, string>> = {
  rate_limited: "The model's service asks us to wait.",
  unready: "I have no sandbox to work in just now, and the owner was told.",
};

export const HELD =
  "I can't answer just now: the model's service refuses our key. The owner must renew it; I'll answer as soon as it works again.";

export const DONE = "Done.";
export const CUT =
  "The work that I had left running took too long, so it was ended. Ask me to go on if you still want it.";
export const NO_ANSWER = "The assistant ended its turn without an answer.";
export const STARTED_AFRESH =
  "Our earlier conversation could not be opened again, so I start afresh with what was said lately.";
export const BARE =
  "The agent did not start with the settings in its group's .claude folder and the folders of this machine that the group is given, so it runs without both, and without its memory, until it is started again. Please look at what changed there.";

/** Said where a conversation begins over another route than its group's first. */
export function standingIn(route: string, usual: string): string {
  return `The usual model (${usual}) can't answer just now, so ${route} does, and knows only what was said lately. Write /new to go back once it works again.`;
}
