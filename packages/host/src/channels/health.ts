/**
 * How it stands with each account on a platform: what its adapter says of itself, whether we can listen to it,
 * and whether it takes what we send, as one line. The worst of the three is the truth. Pure.
 */
import type { Channel } from "@bellhop/sdk";
import type { Status } from "../core/status.ts";

type AccountState = Status["accounts"][number];

interface Trouble {
  readonly why: string;
  /** Only its operator can mend it. */
  readonly stopped: boolean;
}

export interface Troubles {
  /** Accounts that are not listened to just now. */
  readonly silent: readonly (Pick<AccountState, "channel" | "account"> & Trouble)[];
  /** Accounts that do not take what we send just now; `account` names its channel too, as `nameOf` does. */
  readonly stuck: readonly ({ readonly account: string } & Trouble)[];
}

const RANK = { up: 0, connecting: 1, down: 2 } as const;

/** The owner's own desk has no platform that could fail. */
export function accountStates(
  channels: readonly Pick<Channel, "name" | "account" | "health">[],
  { silent, stuck }: Troubles,
): AccountState[] {
  return channels
    .filter(({ name }) => name !== "web" && name !== "terminal")
    .map((one) => {
      const { name: channel, account } = one;
      const own = one.health?.() ?? ({ state: "up" } as const);
      const found = [
        own,
        ...silent.filter((other) => other.channel === channel && other.account === account).map(asState),
        ...stuck.filter((other) => other.account === nameOf({ channel, account })).map(asState),
      ];
      const state = found.reduce((worst, one) => (RANK[one.state] > RANK[worst.state] ? one : worst)).state;
      const why = [...new Set(found.flatMap((one) => ("why" in one ? (one.why ?? []) : [])))].join("; ");
      return { channel, account, state, ...(why === "" ? {} : { why }) };
    });
}

function asState({ why, stopped }: Trouble) {
  return { state: stopped ? ("down" as const) : ("connecting" as const), why };
}

function nameOf({ channel, account }: Pick<AccountState, "channel" | "account">): string {
  return account === "" ? channel : `${channel}/${account}`;
}
