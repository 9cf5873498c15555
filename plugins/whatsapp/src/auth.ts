/**
 * Links this device to an account, beside those that are linked already: the owner scans a code with the phone, or types
 * one into it. Both codes go stale and are shown anew as WhatsApp gives new ones.
 */
import type { AuthenticationCreds } from "baileys";
import { type AuthFlow, type AuthStep, ConfigError, type Logger } from "@bellhop/sdk";
import type { OpenedOnce } from "./account.ts";
import { connectOnce, type Hearing } from "./connection.ts";
import { ended, RESTART_REQUIRED, statusOf, TIMED_OUT } from "./errors.ts";
import { isLinked } from "./keys.ts";
import { MOST_ACCOUNTS, type Place } from "./settings.ts";
import type { MakeSocket, WhatsAppSocket } from "./socket.ts";

export interface AuthParts {
  readonly places: readonly (Place & { readonly opened: OpenedOnce })[];
  readonly makeSocket: MakeSocket;
  readonly log: Logger;
  readonly now: () => number;
  readonly signal: AbortSignal;
}

const WHICH = `This makes Bellhop a linked device of a WhatsApp account. It uses the unofficial protocol of WhatsApp Web: WhatsApp may block the number for it, so use one that you can spare.
Type "qr" to scan a code with the phone, or the phone's number with its country code, such as +49 151 23456789, to type a code into it.`;
const SCAN =
  "On the phone: WhatsApp, Settings, Linked devices, Link a device. Then scan this code; it changes every few seconds.";
const TYPE =
  "On the phone: WhatsApp, Settings, Linked devices, Link a device, Link with phone number instead. Then type this code.";
const DONE =
  "Bellhop is a linked device of this account now, and is in the phone's list of linked devices. Keep that phone in use: a device whose phone is offline for two weeks is unlinked.";

export async function* connect({ places, makeSocket, log, now, signal }: AuthParts): AuthFlow {
  const { place, about, linked } = await placeFor(places);
  const { keys } = await place.opened.open();
  keys.forget(); // of an attempt that came to nothing, or of an account that was disconnected
  const text = [...about, WHICH].join("\n");
  const answer = (yield { step: "ask", name: "link", secret: false, text })?.trim() ?? "";
  const phone = phoneOf(answer);
  if (phone !== undefined) mustBeNew(linked, `+${phone}`);
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
    version: place.settings.version,
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
      if (statusOf(cause) === RESTART_REQUIRED && isLinked(creds)) return done(numberOf(creds));
      // All the codes that one connection gives have gone stale.
      if (statusOf(cause) !== TIMED_OUT || phone !== undefined) throw ended(cause);
    }
  }

  function done(number: string): void {
    try {
      mustBeNew(linked, number);
    } catch (error) {
      keys.forget();
      throw error;
    }
    // A new value starts the plugin anew, which listens at once then.
    const keep = { [place.variable]: new Date(now()).toISOString() };
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

type Linkable = AuthParts["places"][number];

interface Linked {
  readonly number: string;
  readonly address: string;
}

/**
 * Where the next account goes: where one was that WhatsApp has unlinked, else where none is.
 * @throws ConfigError there is no room
 */
async function placeFor(places: AuthParts["places"]) {
  const linked: Linked[] = [];
  let lost: Linkable | undefined;
  for (const place of places) {
    if (!place.isKept) continue;
    const creds = (await place.opened.open()).keys.creds();
    if (isLinked(creds)) linked.push({ number: numberOf(creds), address: addressOf(place) });
    else lost ??= place;
  }
  const place = lost ?? places.find(({ isKept }) => !isKept);
  if (!place)
    throw new ConfigError(
      `There are ${MOST_ACCOUNTS} WhatsApp accounts already: ${listOf(linked)}. First disconnect one, as in: bellhop channels disconnect ${linked.at(-1)?.address}. Then take it away on its phone too: WhatsApp, Settings, Linked devices.`,
    );
  const there = linked.length === 0 ? [] : [`Linked already: ${listOf(linked)}.`];
  const here = lost
    ? `The account ${addressOf(place)} is not linked any more; this links it again.`
    : `This links another account, as ${addressOf(place)}.`;
  return { place, linked, about: [...there, ...(lost || linked.length > 0 ? [here] : [])] };
}

const listOf = (linked: readonly Linked[]) =>
  linked.map(({ number, address }) => `${number} as ${address}`).join(", ");

const addressOf = ({ account }: Place) => (account === "" ? "whatsapp" : `whatsapp/${account}`);

/** Two devices of one account would hear everything twice. @throws ConfigError */
function mustBeNew(linked: readonly Linked[], number: string): void {
  const same = linked.find((one) => one.number === number);
  if (!same) return;
  throw new ConfigError(
    `${number} is linked already, as ${same.address}. If its phone has just taken a device in, take that away again: WhatsApp, Settings, Linked devices, the newest one.`,
  );
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

const numberOf = ({ me }: AuthenticationCreds) => `+${/^\d+/.exec(me?.id ?? "")?.[0] ?? "?"}`;

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
