/**
 * The accounts that we send from: when the next message may go (G15, G24).
 *
 * - A token bucket per chat and per account, as the channel says its platform has them; and where several
 *   people are, a window beside that of the chat. Messages are given their time in the order in which they
 *   ask; what is no message (typing, a reaction, an edit on the way) goes only where plenty is left.
 * - "Come back later" from the platform, a breaker that is open, and a refused login hold the whole
 *   account. After the last two, one chat goes first and the others wait for what becomes of it.
 * - Nothing polls: whoever may not go is told how long to wait, and is woken if it ends sooner.
 */
import type { Channel, Rate as ChannelRate } from "@bellhop/sdk";
import { type Allowance, createAllowance, createWindow } from "../core/allowance.ts";
import { createBreaker } from "../core/breaker.ts";
import type { Clock } from "../core/clock.ts";
import type { ChatId } from "../core/ids.ts";

export type Account = ReturnType<typeof createAccount>;

/** How long to leave an account alone that needs its operator. */
const STOPPED_MS = 5 * 60_000;
/** What messages may need at once is left to them. */
const SPARE_SHARE = 0.5;

interface Bounds {
  readonly each: Allowance | undefined;
  readonly shared: Allowance | undefined;
}

/** @param wake tells a chat that it need not wait any longer */
export function createAccounts(clock: Clock, wake: (chat: ChatId) => void) {
  const accounts = new Map<Channel, Account>();
  return {
    of(channel: Channel): Account {
      const known = accounts.get(channel);
      if (known) return known;
      const account = createAccount(channel, clock, wake);
      accounts.set(channel, account);
      return account;
    },
    all: () => [...accounts.values()],
    /** Its plugin has gone. */
    forget: (channel: Channel): boolean => accounts.delete(channel),
  };
}

function createAccount({ name, account, abilities }: Channel, clock: Clock, wake: (chat: ChatId) => void) {
  const { rate } = abilities;
  const own = bucket(clock, rate?.account);
  const edits = rate?.edits && createWindow(clock, rate.edits);
  const chats = new Map<ChatId, Bounds>();
  const breaker = createBreaker(clock);
  /**
   * When the chats that asked may go, on the monotonic clock: first for themselves, and only then, so that
   * none takes the time of the others while it cannot go anyway, for the account.
   */
  const booked = new Map<ChatId, { at: number; whole: boolean }>();
  /** They wait for the account, not for their time. */
  const held = new Set<ChatId>();
  let heldUntil = 0;
  let stopped: { until: number; why: string } | undefined;

  /** What bounds a chat: its own rate, and where several people are, that of such chats. */
  function boundsOf(chat: ChatId, direct: boolean): Bounds {
    const known = chats.get(chat);
    if (known && !(direct && known.shared)) return known; // that it is direct may become known later
    const shared = direct || !rate?.sharedChat ? undefined : createWindow(clock, rate.sharedChat);
    const made: Bounds = { each: known?.each ?? bucket(clock, rate?.chat), shared };
    chats.set(chat, made);
    return made;
  }

  function book(chat: ChatId, direct: boolean): number {
    const { each, shared } = boundsOf(chat, direct);
    return Math.max(each?.book() ?? 0, shared?.book() ?? 0);
  }

  function giveBack(chat: ChatId): void {
    const { each, shared } = chats.get(chat) ?? {};
    each?.giveBack();
    shared?.giveBack();
  }

  /** For what is no message. Nothing of the kind comes before a chat's first message. */
  function takeSpare(chat: ChatId): boolean {
    const { each, shared } = chats.get(chat) ?? {};
    if (each?.take() === false) return false;
    if (shared?.take(1, SPARE_SHARE * (rate?.sharedChat?.calls ?? 0)) !== false) return true;
    each?.giveBack();
    return false;
  }

  /** Whether the account as a whole keeps this chat back: how long, ms. */
  function keepsBack(): number {
    const now = clock.monotonic();
    return Math.max(heldUntil - now, (stopped?.until ?? 0) - now, breaker.waitMs, 0);
  }

  function release(): void {
    const waiting = [...held];
    held.clear();
    for (const chat of waiting) wake(chat);
  }

  return {
    name: account === "" ? name : `${name}/${account}`,

    /** Nothing stands in the way of a message just now, nor could anything: asking first is not needed. */
    get isFree(): boolean {
      return rate === undefined && stopped === undefined && breaker.state === "closed" && keepsBack() === 0;
    },

    /**
     * How long the next message to this chat has to wait, ms. With 0 it may go, and is counted.
     * @param direct nobody is there but one person
     */
    enter(chat: ChatId, direct: boolean): number {
      const waitMs = keepsBack();
      if (waitMs > 0) {
        held.add(chat);
        return waitMs;
      }
      const now = clock.monotonic();
      let time = booked.get(chat) ?? { at: now + book(chat, direct), whole: false };
      if (time.at <= now && !time.whole) time = { at: now + (own?.book() ?? 0), whole: true };
      booked.set(chat, time);
      if (time.at > now) return time.at - now;
      if (!breaker.admit()) {
        held.add(chat);
        return breaker.waitMs;
      }
      booked.delete(chat);
      if (stopped) stopped = { ...stopped, until: now + STOPPED_MS }; // this one tries for all
      return 0;
    },

    /** It may go and has nothing to send. */
    leave(chat: ChatId): void {
      own?.giveBack();
      giveBack(chat);
      breaker.notMade();
      if (stopped) stopped = { ...stopped, until: clock.monotonic() };
    },

    /** Whether there is room for something that is no message. `counted`: it is an edit, and the platform counts it. */
    spare(chat: ChatId, counted: boolean): boolean {
      if (keepsBack() > 0 || stopped !== undefined || breaker.state !== "closed") return false;
      if (counted && edits?.take() === false) return false;
      if (own && !own.take(1, SPARE_SHARE * ((rate?.account?.calls ?? 1) - 1))) return false;
      return !counted || takeSpare(chat);
    },

    ok(): void {
      const well = stopped === undefined && breaker.state === "closed";
      stopped = undefined;
      breaker.ok();
      if (!well) release();
    },

    failed: (): void => breaker.failed(),

    /** The platform asks to wait, whatever the chat (G15). */
    hold(ms: number): void {
      heldUntil = Math.max(heldUntil, clock.monotonic() + ms);
      breaker.notMade();
    },

    /** Only its operator can mend it. Whether that is news. */
    stop(why: string): boolean {
      const news = stopped === undefined;
      stopped = { until: clock.monotonic() + STOPPED_MS, why };
      breaker.notMade();
      return news;
    },

    /** It may work again. */
    ready(): void {
      if (stopped) stopped = { ...stopped, until: clock.monotonic() };
      release();
    },

    /** What keeps it from sending, and until when by the wall clock; undefined where nothing does. */
    get trouble(): { why: string; until: number; stopped: boolean } | undefined {
      const why = stopped
        ? stopped.why
        : breaker.state === "closed"
          ? "the platform asks to wait"
          : "it fails too often; it is tried again now and then";
      const waitMs = keepsBack();
      return waitMs === 0 && !stopped
        ? undefined
        : { why, until: clock.now() + waitMs, stopped: stopped !== undefined };
    },
  };
}

function bucket(clock: Clock, rate: ChannelRate | undefined): Allowance | undefined {
  return rate && createAllowance(clock, { perSecond: (rate.calls / rate.perMs) * 1_000, burst: rate.calls });
}
