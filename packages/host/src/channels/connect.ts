/**
 * Connecting an account, and disconnecting it. To connect, the plugin says what is to be shown or asked next, and
 * whoever connects it looks and answers, in a terminal or on a page.
 *
 * - One attempt per plugin at a time; a later one ends the one before. An attempt that goes on for too long, or
 *   whose host stops, is cancelled.
 * - Nothing polls: whoever shows the steps waits for the next one, by the number of the one before.
 * - What is typed as a secret, and what is kept, is known as one before anybody can use it. It is written to
 *   `.env`, and shown, logged and recorded nowhere; only under a name that the plugin declared.
 */
import { randomUUID } from "node:crypto";
import { type AuthStep, BellhopError, ConfigError, RejectedError } from "@bellhop/sdk";
import type { Clock } from "../core/clock.ts";
import type { ConnectStep, NumberedStep } from "../core/connect.ts";
import type { AuthSession } from "../core/plugin.ts";
import type { KnownSecrets } from "../core/known-secrets.ts";
import type { Log } from "../log.ts";
import type { Audit } from "../store/audit.ts";
import { accountNumber, accountVariables } from "./account-variables.ts";

/** Plugins that connect accounts. */
export interface Connectable {
  names(): readonly string[];
  /** Variables that its manifest declares: what it may have kept. */
  variables(name: string): readonly string[];
  /** Names that its owner gave its accounts, in the order of their numbers. */
  accounts(name: string): readonly string[];
  start(name: string): AuthSession | Promise<AuthSession>;
}

export interface ConnectingParts {
  readonly connectable: Connectable;
  /** Into the home's `.env`. @throws RejectedError when one cannot be kept there */
  readonly keep: (values: Readonly<Record<string, string>>) => Promise<void>;
  /** Out of it. Resolves with those that were there. @throws RejectedError when one cannot be taken out */
  readonly forget: (variables: readonly string[]) => Promise<readonly string[]>;
  /** Which of these have a value. */
  readonly kept: (variables: readonly string[]) => Promise<readonly string[]>;
  readonly secrets: Pick<KnownSecrets, "add">;
  readonly audit: Pick<Audit, "note">;
  readonly clock: Clock;
  readonly log: Log;
}

interface Attempt {
  readonly id: string;
  readonly name: string;
  /** All that were shown, each under its number: whoever is slow misses none. */
  readonly steps: ConnectStep[];
  session: AuthSession | undefined;
  over: boolean;
  readonly cancelTimer: () => void;
  wake: () => void;
  change: Promise<void>;
}

/** Codes of platforms are good for a few minutes; nobody comes back to this after a quarter of an hour. */
const WHOLE_MS = 15 * 60_000;
/** Longer than that no code can be drawn. */
const MOST_QR = 2_000;
const MOST_ANSWER = 4_096;

export function createConnecting(parts: ConnectingParts) {
  const { connectable, secrets, audit, clock, log } = parts;
  const attempts = new Map<string, Attempt>();

  function show(attempt: Attempt, shown: ConnectStep): void {
    if (attempt.over) return;
    const { wake } = attempt;
    const next = Promise.withResolvers<void>();
    attempt.steps.push(shown);
    attempt.change = next.promise;
    attempt.wake = next.resolve;
    attempt.over = shown.step === "done" || shown.step === "failed";
    if (attempt.over) attempt.cancelTimer();
    wake();
  }

  function end(attempt: Attempt, why: string): void {
    if (attempt.over) return;
    show(attempt, { step: "failed", why });
    attempt.session?.cancel();
  }

  async function run(attempt: Attempt, by: string): Promise<void> {
    const { name } = attempt;
    try {
      const session = await connectable.start(name);
      attempt.session = session;
      if (attempt.over) return session.cancel();
      for await (const step of session.steps) {
        if (attempt.over) return;
        if (step.step !== "done") show(attempt, stepOf(step));
        else return show(attempt, await finish(name, step, by));
      }
      throw new ConfigError(`${name} ended without having connected an account.`);
    } catch (error) {
      if (!(error instanceof BellhopError)) log.error({ err: error, plugin: name }, "connecting failed");
      const why = error instanceof BellhopError ? error.message : "It failed; the log says why.";
      end(attempt, why);
    }
  }

  async function finish(
    name: string,
    { account, text, keep = {} }: Extract<AuthStep, { step: "done" }>,
    by: string,
  ): Promise<ConnectStep> {
    const declared = connectable.variables(name);
    const kept = Object.keys(keep);
    const foreign = kept.find((variable) => !declared.includes(variable));
    if (foreign !== undefined)
      throw new ConfigError(`${name} wants to keep ${foreign}, which its manifest does not declare.`);
    secrets.add(Object.entries(keep).map(([variable, value]) => ({ name: variable, value })));
    if (kept.length > 0) await parts.keep(keep);
    await audit.note({
      actor: by,
      groupId: null,
      action: "channels.connect",
      subject: `plugin:${name}`,
      allowed: true,
      detail: `the account ${account}; kept: ${kept.join(", ") || "nothing"}`,
    });
    return { step: "done", account, text, kept };
  }

  /** @throws RejectedError where no plugin of that name connects accounts */
  function mustConnect(name: string): void {
    if (connectable.names().includes(name)) return;
    const names = connectable.names().join(", ");
    throw new RejectedError(
      `No plugin ${name} connects accounts here${names === "" ? "" : `; these do: ${names}`}.`,
    );
  }

  /** @throws RejectedError */
  function find(name: string, id: string): Attempt {
    const attempt = attempts.get(name);
    if (attempt?.id === id) return attempt;
    throw new RejectedError(`That attempt to connect ${name} is over; begin again.`);
  }

  return {
    names: connectable.names,

    /** @throws RejectedError where no plugin of that name connects accounts */
    begin(name: string, by: string): string {
      mustConnect(name);
      const before = attempts.get(name);
      if (before) end(before, "It was begun anew elsewhere.");
      const id = randomUUID();
      const { promise: change, resolve: wake } = Promise.withResolvers<void>();
      const attempt: Attempt = {
        id,
        name,
        steps: [{ step: "wait", text: "One moment." }],
        session: undefined,
        over: false,
        cancelTimer: clock.after(WHOLE_MS, () => end(attempt, "It took too long; begin again.")),
        change,
        wake,
      };
      attempts.set(name, attempt);
      void run(attempt, by);
      return id;
    },

    /**
     * The step behind number `after`, as soon as there is one; or after `ms` the last that there is.
     * @throws RejectedError where the attempt is none any more
     */
    async next(name: string, id: string, after: number, ms: number): Promise<NumberedStep> {
      const attempt = find(name, id);
      if (attempt.steps.length - 1 <= after && !attempt.over) {
        const late = Promise.withResolvers<void>();
        const cancel = clock.after(ms, late.resolve);
        await Promise.race([attempt.change, late.promise]);
        cancel();
      }
      const number = Math.min(after + 1, attempt.steps.length - 1);
      const shown = attempt.steps[number];
      if (!shown) throw new RejectedError("There is no such step.");
      return { number, shown };
    },

    /** @throws RejectedError where nothing, or something else, is asked by now */
    answer(name: string, id: string, number: number, value: string): void {
      const attempt = find(name, id);
      const { steps, session } = attempt;
      const shown = steps.at(-1);
      if (steps.length - 1 !== number || shown?.step !== "ask" || attempt.over || !session)
        throw new RejectedError("That is not asked any more.");
      const isMissing = value.trim() === "" && shown.optional !== true;
      if (isMissing || value.length > MOST_ANSWER || /\p{Cc}/u.test(value))
        throw new RejectedError(
          `An answer is one line of 1 to ${MOST_ANSWER} characters, without control characters.`,
        );
      if (shown.secret && value !== "") secrets.add([{ name: shown.name, value }]);
      show(attempt, { step: "wait", text: "One moment." });
      session.answer(value);
    },

    cancel(name: string, id: string): void {
      end(find(name, id), "It was cancelled.");
    },

    /**
     * Forgets what was kept of an account: its plugin, which sees that, is without it from then on.
     * @param account as in the addresses of its chats, or its number; empty for the first
     * @returns the variables that were taken out of `.env`
     * @throws RejectedError where there is nothing of it to be forgotten
     */
    async disconnect(name: string, account: string, by: string): Promise<readonly string[]> {
      mustConnect(name);
      const address = account === "" ? name : `${name}/${account}`;
      const number = accountNumber(account, connectable.accounts(name));
      if (number === undefined)
        throw new RejectedError(`There is no account ${address}; see: bellhop channels list`);
      const { own, common, others } = accountVariables(connectable.variables(name), number);
      const last = (await parts.kept(others)).length === 0;
      const forgot = await parts.forget(last ? [...own, ...common] : own);
      if (forgot.length === 0)
        throw new RejectedError(
          `Nothing of ${address} is kept in .env: it is not connected, or its secrets are in the environment.`,
        );
      const before = attempts.get(name);
      if (before) end(before, "The account was disconnected.");
      await audit.note({
        actor: by,
        groupId: null,
        action: "channels.disconnect",
        subject: `plugin:${name}`,
        allowed: true,
        detail: `the account ${address}; forgotten: ${forgot.join(", ")}`,
      });
      return forgot;
    },

    close(): void {
      for (const attempt of attempts.values()) end(attempt, "Bellhop stops.");
    },
  };
}

function stepOf(step: Exclude<AuthStep, { step: "done" }>): ConnectStep {
  if (step.step === "qr" && step.content.length > MOST_QR)
    throw new ConfigError("The code of the platform is too long to be drawn.");
  return step;
}
