/**
 * Links this device to an account: the owner scans a code with the phone, or types one into it. Both codes go stale
 * and are shown anew as WhatsApp gives new ones.
 */
import { type AuthFlow, type AuthStep, ConfigError, type Logger } from "@bellhop/sdk";
import type { OpenedOnce } from "./account.ts";
import { connectOnce, type Hearing } from "./connection.ts";
import { ended, RESTART_REQUIRED, statusOf, TIMED_OUT } from "./errors.ts";
import { isLinked } from "./keys.ts";
import type { Settings } from "./settings.ts";
import type { MakeSocket, WhatsAppSocket } from "./socket.ts";

export interface AuthParts {
  readonly account: OpenedOnce;
  /** Bellhop uses the account that is linked, if one is. */
  readonly isKept: boolean;
  readonly settings: Pick<Settings, "version">;
  readonly makeSocket: MakeSocket;
  readonly log: Logger;
  readonly now: () => number;
  readonly signal: AbortSignal;
}

/** In the manifest: when the account was linked. */
export const LINKED_AT = "WHATSAPP_LINKED_AT";

const WHICH = `This makes Bellhop a linked device of a WhatsApp account. It uses the unofficial protocol of WhatsApp Web: WhatsApp may block the number for it, so use one that you can spare.
Type "qr" to scan a code with the phone, or the phone's number with its country code, such as +49 151 23456789, to type a code into it.`;
const SCAN =
  "On the phone: WhatsApp, Settings, Linked devices, Link a device. Then scan this code; it changes every few seconds.";
const TYPE =
  "On the phone: WhatsApp, Settings, Linked devices, Link a device, Link with phone number instead. Then type this code.";
const DONE =
  "Bellhop is a linked device of this account now, and is in the phone's list of linked devices. Keep that phone in use: a device whose phone is offline for two weeks is unlinked.";

export async function* connect({
  account,
  isKept,
  settings,
  makeSocket,
  log,
  now,
  signal,
}: AuthParts): AuthFlow {
  const { keys } = await account.open();
  const { me } = keys.creds();
  if (isKept && isLinked(keys.creds()) && me)
    throw new ConfigError(
      `${numberOf(me.id)} is linked already. To link another account, first disconnect this one: bellhop channels disconnect whatsapp. Then take it away on its phone too: WhatsApp, Settings, Linked devices.`,
    );
  keys.forget(); // of an attempt that came to nothing, or of an account that was disconnected
  const answer = (yield { step: "ask", name: "link", secret: false, text: WHICH })?.trim() ?? "";
  const phone = phoneOf(answer);
  yield { step: "wait", text: "Asking WhatsApp for a code …" };

  const stop = new AbortController();
  const steps = createSteps();
  let asked = false;

  function onQr(qr: string, socket: WhatsAppSocket): void {
    if (phone === undefined) return steps.push({ step: "qr", content: qr, text: SCAN });
    if (asked) return;
    asked = true;
    socket.requestPairingCode(phone).then(
      (code) => steps.push({ step: "code", code: `${code.slice(0, 4)}-${code.slice(4)}`, text: TYPE }),
      (error: unknown) => void socket.end(error instanceof Error ? error : undefined),
    );
  }

  const within = AbortSignal.any([signal, stop.signal]);
  const options = {
    version: settings.version,
    markOnline: false,
    sentAs: async () => undefined,
    groupOf: async () => undefined,
    log,
  };
  const hearing: Hearing = {
    onUpdate({ qr, isNewLogin }, socket) {
      if (qr !== undefined) onQr(qr, socket);
      if (isNewLogin === true) steps.push({ step: "wait", text: "The phone has agreed …" });
    },
  };

  /** Until the phone has agreed. Its first connection is left to whoever listens, who loses nothing of what comes. */
  async function link(): Promise<void> {
    for (;;) {
      const cause = await connectOnce({ makeSocket, keys, options }, hearing, within);
      const creds = keys.creds();
      if (statusOf(cause) === RESTART_REQUIRED && isLinked(creds)) return done(numberOf(creds.me?.id));
      // All the codes that one connection gives have gone stale.
      if (statusOf(cause) !== TIMED_OUT || phone !== undefined) throw ended(cause);
    }
  }

  function done(number: string): void {
    // A new value starts the plugin anew, which listens at once then.
    const keep = { [LINKED_AT]: new Date(now()).toISOString() };
    steps.push({ step: "done", account: number, text: DONE, keep });
  }

  const over = link();
  over.catch((error: unknown) => steps.fail(error));
  try {
    for (;;) {
      const step = await steps.next();
      yield step;
      if (step.step === "done") return;
    }
  } finally {
    stop.abort(new Error("the account is linked, or nobody waits any more"));
    await over.catch(() => undefined);
  }
}

/** Undefined: by scanning. */
function phoneOf(answer: string): string | undefined {
  if (/^qr$/i.test(answer)) return undefined;
  const digits = answer.replace(/^\+|^00|[\s()/.-]/g, "");
  if (/^[1-9]\d{6,14}$/.test(digits)) return digits;
  throw new ConfigError(
    `That is neither "qr" nor a phone number with its country code, such as +49 151 23456789.`,
  );
}

const numberOf = (jid: string | undefined) => `+${/^\d+/.exec(jid ?? "")?.[0] ?? "?"}`;

/** Steps in the order in which they came, for whoever asks for the next one. */
function createSteps() {
  const waiting: AuthStep[] = [];
  let failure: { readonly error: unknown } | undefined;
  let change = Promise.withResolvers<void>();

  function wake(): void {
    const now = change;
    change = Promise.withResolvers();
    now.resolve();
  }

  return {
    push(step: AuthStep): void {
      waiting.push(step);
      wake();
    },
    fail(error: unknown): void {
      failure ??= { error };
      wake();
    },
    async next(): Promise<AuthStep> {
      for (;;) {
        const changed = change.promise;
        const step = waiting.shift();
        if (step) return step;
        if (failure) throw failure.error;
        await changed;
      }
    },
  };
}
