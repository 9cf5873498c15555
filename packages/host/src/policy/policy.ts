/**
 * What an agent may do beyond answering in its own chat, judged in one place (design 4): tools, egress and
 * schedules all come here, and none of them decides by itself.
 *
 * - An action has one normalised form. That form is judged, shown to the owner, approved, recorded.
 * - Who asks is a session, never what a request says of itself; turn, chat and group are looked up.
 */
import type { SessionId } from "../core/ids.ts";
import type { EffectName } from "../core/trust.ts";

/** What kind of effect an action has, from harmless to grave. */
export type EffectClass = EffectName;

export interface Action {
  readonly effect: EffectClass;
  /** What it is done to: `chat:telegram:7`, `group:family`, `host:api.example.com:443`. What grants match. */
  readonly target: string;
  /** What a person is shown: all of it, in plain words. */
  readonly words: string;
  /** Whatever distinguishes it from another one. An approval holds for exactly this. */
  readonly detail: Readonly<Record<string, string | number | boolean | null>>;
}

export type Ruling =
  /** `by`: what allows it: the policy itself, an approval's or a grant's id. */
  | { readonly may: true; readonly by: string }
  /** `reason` is a whole sentence for the agent: which rule, and how a person can allow it. */
  | { readonly may: false; readonly reason: string };

/** What an owner may answer to a question. `group`: from now on, for this group. */
export type Choice = "once" | "group" | "never";

export interface Policy {
  /**
   * Whether the live turn of `asker` may do this now. Where an owner has to approve, they are asked, and what
   * they say is waited for, at most `waitMs`; 0: only what is approved already counts. Refusals are recorded.
   */
  judge(action: Action, asker: SessionId, waitMs: number): Promise<Ruling>;
  /**
   * Asks an owner something that the policy itself has no word on, such as an unknown host. Turns with nobody
   * there are answered `unattended` at once. The same question asked twice at a time is one question.
   */
  ask(
    action: Action,
    asker: SessionId,
    choices: readonly Choice[],
    waitMs: number,
  ): Promise<Choice | "unattended" | "unanswered">;
}

/** Which sessions have seen words that no owner wrote (design 4). Decided by the host alone. */
export interface Taint {
  /** Whether what goes on in the session's sandbox is tainted now, by its batch, session, folder or itself. */
  of(session: SessionId): boolean;
  /**
   * Something from outside is about to reach the session's sandbox: durable when this resolves, so that it is
   * called before the first byte goes in. `cause` in words, such as `a web page of example.com`.
   */
  mark(session: SessionId, cause: string): Promise<void>;
}
