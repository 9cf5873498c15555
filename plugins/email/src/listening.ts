/**
 * Mail as it comes. The server tells of it (IDLE); what it tells is only taken for a hint, and what is new is asked for
 * by UID.
 *
 * - The cursor is UIDVALIDITY, the last UID, and when that mail came. It moves with a mail that was accepted (G1), and
 *   only then is the mail marked as seen, or moved. What was passed over is looked at again after a restart.
 * - Where the server numbers anew (another UIDVALIDITY), all that came since a day before the last one is read
 *   again but for what is said to be older than the inbox remembers: it knows by Message-ID what it has.
 * - Without a cursor it begins with the moment at which the account was listened to first: nothing of what lay in the
 *   mailbox before is anybody's question.
 */
import { type Accept, type Logger, TemporaryError } from "@bellhop/sdk";
import { createInbound, ASKED, MOST_TEXT_BYTES, textOf, type InboundParts, type Reading } from "./inbound.ts";
import { answeredNo, type ImapAccess, isUnreadable, type Mailbox, openMailbox, openPart } from "./imap.ts";
import type { Ledger } from "./ledger.ts";
import type { Rules } from "./settings.ts";

const DAY_MS = 24 * 60 * 60_000;
/** Clocks of servers differ from ours. */
const SLACK_MS = 5 * 60_000;
/** As long as the inbox knows what it has. */
const KNOWN_MS = 30 * DAY_MS;
/** A mail that ended so many connections is passed over. */
const MOST_TRIES = 2;

export interface ListeningParts extends InboundParts {
  readonly access: ImapAccess;
  readonly rules: Pick<Rules, "trust" | "allow" | "folder" | "markSeen" | "moveTo">;
  readonly ledger: Pick<Ledger, "note" | "since">;
  /** A connection is asked whether it is still there after so long a silence; servers end them after 30 min. */
  readonly idleMs: number;
  readonly onUp: () => void;
  readonly now: () => number;
  readonly log: Logger;
}

interface Position {
  readonly uidValidity: string;
  readonly uid: number;
  /** When the mail came, ms since 1970. */
  readonly at: number;
}

export function createListening(parts: ListeningParts) {
  const { access, rules, ledger, idleMs, onUp, now, log } = parts;
  const read = createInbound(parts);
  /** How often the connection broke over a mail. */
  const broke = new Map<number, number>();
  const warned = new Set<string>();

  /** UIDs of what is to be looked at first. */
  async function backlog(
    { client, within, uidValidity }: Mailbox,
    from: Position | undefined,
  ): Promise<number[]> {
    if (from?.uidValidity === uidValidity) return await after(client, within, from.uid);
    const since = from ? from.at - DAY_MS : ledger.since(now()) - SLACK_MS;
    if (from) log.warn("the server has numbered its mails anew; those of the last days are read again");
    const found = await within(() =>
      client.fetchAll(
        { since: new Date(since - DAY_MS) },
        { uid: true, internalDate: true, envelope: true },
        { uid: true },
      ),
    );
    return found
      .filter(({ internalDate, envelope }) => {
        // Its date is whatever its sender says, and may be missing; it is asked only where the inbox may have forgotten.
        const isForgotten = from !== undefined && timeOf(envelope?.date, now()) < now() - KNOWN_MS;
        return timeOf(internalDate) >= since && !isForgotten;
      })
      .map(({ uid }) => uid)
      .toSorted((a, b) => a - b);
  }

  async function take(mailbox: Mailbox, uid: number, accept: Accept, signal: AbortSignal): Promise<void> {
    const { client, within, uidValidity } = mailbox;
    if ((broke.get(uid) ?? 0) >= MOST_TRIES)
      return log.warn("a mail that its server cannot hand out was passed over", { uid });
    const mail = await within(() => client.fetchOne(uid, ASKED, { uid: true }));
    if (!mail) return; // gone meanwhile
    let place = { folder: rules.folder, uid, uidValidity };
    const reading: Reading = {
      text: ({ part }) =>
        within(async () => {
          const { content } = await client.download(uid, part, { uid: true, maxBytes: MOST_TEXT_BYTES });
          return content ? await textOf(content) : Buffer.alloc(0);
        }),
      open: ({ part }, until) => openPart(access, { ...place, part }, until),
    };
    const found = await read(mail, reading);
    if ("passed" in found) {
      if (found.quietly !== true) log.info("a mail was passed over", { uid, why: found.passed });
      return;
    }
    if (found.unproven !== undefined) warn(found.inbound.sender.id, found.unproven);
    await accept(found.inbound, `${uidValidity}:${uid}:${timeOf(mail.internalDate)}`);
    signal.throwIfAborted();
    if (rules.markSeen)
      await done("mark the mail as seen", () => client.messageFlagsAdd(uid, ["\\Seen"], { uid: true }));
    const { moveTo } = rules;
    if (moveTo === undefined) return;
    const moved = await done(`move the mail to ${moveTo}`, () =>
      client.messageMove(uid, moveTo, { uid: true }),
    );
    const there = moved ? moved.uidMap?.get(uid) : undefined;
    if (moved && there !== undefined && moved.uidValidity !== undefined)
      place = { folder: moveTo, uid: there, uidValidity: String(moved.uidValidity) };

    /** It is on disk already; where the server will not have it, the mail is heard all the same. */
    async function done<T>(what: string, command: () => Promise<T>): Promise<T | undefined> {
      try {
        return await within(command);
      } catch (error) {
        if (!(error instanceof TemporaryError && answeredNo(error.cause))) throw error;
        log.warn(`the server does not ${what}`, { uid });
        return undefined;
      }
    }
  }

  function warn(sender: string, claims: string): void {
    if (warned.has(sender) || warned.size > 1_000) return;
    warned.add(sender);
    log.warn(
      "nobody proves who sent a mail, so it is a stranger's and is not answered; if the server named here is the account's own, set EMAIL_AUTHSERV_ID to that name (docs/email.md)",
      { sender, server: claims },
    );
  }

  return async function listen(
    cursor: string | undefined,
    accept: Accept,
    signal: AbortSignal,
  ): Promise<never> {
    await using mailbox = await openMailbox(
      access,
      rules.folder,
      { readOnly: !rules.markSeen && rules.moveTo === undefined },
      signal,
    );
    const { client, within } = mailbox;
    let wake = Promise.withResolvers<void>();
    client.on("exists", () => wake.resolve());
    const from = positionFrom(cursor);
    // What comes while it is looked for is above this, and found afterwards.
    const first = client.mailbox ? client.mailbox.uidNext - 1 : 0;
    let last = from?.uidValidity === mailbox.uidValidity ? from.uid : first;
    let uids = await backlog(mailbox, from);
    onUp();
    for (;;) {
      for (const uid of uids) {
        await take(mailbox, uid, accept, signal).catch((error: unknown) => {
          if (isUnreadable(error)) broke.set(uid, (broke.get(uid) ?? 0) + 1);
          throw error;
        });
        last = Math.max(last, uid);
      }
      wake = Promise.withResolvers();
      uids = await after(client, within, last);
      if (uids.length > 0) continue;
      await silence(mailbox, wake.promise);
      wake = Promise.withResolvers();
      uids = await after(client, within, last);
    }
  };

  /** Until there may be something new, or the connection has to show that it is there. */
  async function silence({ client, gone }: Mailbox, woken: Promise<void>): Promise<void> {
    const timer = Promise.withResolvers<void>();
    const timeout = setTimeout(timer.resolve, idleMs);
    client.idle().catch(() => undefined); // what ends it ends the connection, and that is told by `gone`
    try {
      await Promise.race([woken, gone, timer.promise]);
    } finally {
      clearTimeout(timeout);
    }
  }
}

/** What a range gives is at least its last mail, also where that is an old one. */
async function after(client: Mailbox["client"], within: Mailbox["within"], uid: number): Promise<number[]> {
  const found = await within(() => client.search({ uid: `${uid + 1}:*` }, { uid: true }));
  return (found || []).filter((one) => one > uid).toSorted((a, b) => a - b);
}

function positionFrom(cursor: string | undefined): Position | undefined {
  const [, uidValidity, uid, at] = /^(\d+):(\d+):(\d+)$/.exec(cursor ?? "") ?? [];
  if (uidValidity === undefined) return undefined;
  return { uidValidity, uid: Number(uid), at: Number(at) };
}

/** @param otherwise where there is none that can be read */
function timeOf(date: Date | string | undefined, otherwise = 0): number {
  return date === undefined ? otherwise : new Date(date).getTime() || otherwise;
}
