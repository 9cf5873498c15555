/** One mailbox as a channel: mails in by IMAP, out by SMTP, and the truth of how it stands. */
import { type Channel, type ChannelAbilities, createHealth, type Logger } from "@bellhop/sdk";
import type { ImapPace } from "./imap.ts";
import type { Ledger } from "./ledger.ts";
import type { Login } from "./login.ts";
import { createListening } from "./listening.ts";
import { domainOf, placeOf } from "./address.ts";
import { createSend, MOST_TEXT, mostFileBytes } from "./send.ts";
import type { Account, Rules } from "./settings.ts";
import type { SmtpPace } from "./smtp.ts";

export interface EmailOptions {
  readonly account: Account;
  readonly login: Login;
  readonly rules: Rules;
  readonly ledger: Ledger;
  readonly pace?: Pace | undefined;
  readonly now: () => number;
  readonly log: Logger;
}

export interface Pace {
  readonly imap: ImapPace & { readonly idleMs: number };
  readonly smtp: SmtpPace;
}

const MINUTE_MS = 60_000;
export const PACE: Pace = {
  // Below what gateways on the way keep of a silent connection, and the 29 min of RFC 2177.
  imap: { connectMs: 30_000, callMs: MINUTE_MS, idleMs: 9 * MINUTE_MS },
  // RFC 5321 lets a server think for ten minutes after the end of a mail.
  smtp: { connectMs: 30_000, answerMs: 10 * MINUTE_MS, laterMs: 5 * MINUTE_MS },
};
const HOUR_MS = 60 * MINUTE_MS;

export function abilitiesOf({
  limitBytes,
  answersPerHour,
}: Pick<Rules, "limitBytes" | "answersPerHour">): ChannelAbilities {
  return {
    maxTextLength: MOST_TEXT,
    lengthUnit: "utf16",
    resend: { how: "twice" }, // it has its Message-ID, and many programs show both all the same
    reactions: false,
    threads: true,
    quotes: true,
    edits: false,
    maxFileBytes: mostFileBytes(limitBytes),
    // Beside what headers tell: two programs that answer each other without saying so have to end somewhere.
    rate: {
      chat: { calls: answersPerHour, perMs: HOUR_MS },
      account: { calls: 5 * answersPerHour, perMs: HOUR_MS },
    },
    note: "They read it as an e-mail: answer once, whole, and without a greeting by name that you do not know.",
  };
}

export function createEmail({ account, login, rules, ledger, pace = PACE, now, log }: EmailOptions): Channel {
  const health = createHealth();
  const hear = createListening({
    account,
    rules,
    ledger,
    access: { server: account.imap, login, pace: pace.imap },
    idleMs: pace.imap.idleMs,
    onUp: health.up,
    now,
    log,
  });
  const send = createSend({
    account,
    rules,
    ledger,
    access: { server: account.smtp, login, pace: pace.smtp, name: domainOf(account.address) },
    now,
  });

  return {
    name: "email",
    account: account.account,
    abilities: abilitiesOf(rules),
    health: health.now,
    listen: health.listening(hear),
    send,

    async chatInfo(chat) {
      const { address: title, root } = placeOf(chat);
      return {
        title: (root === undefined ? undefined : ledger.thread(chat)?.subject) || title,
        direct: true,
      };
    },
  };
}
