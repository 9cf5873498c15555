/**
 * Addresses of people, and what of a chat's native id is one. A chat is `ann@example.org`, and each thread of hers
 * is `ann@example.org:ROOT`. Who did not prove to be Ann has chats of their own, below `unverified:`, which nothing
 * is ever sent to: the mail may be anybody's, and an answer to it would reach the one whose name was borrowed.
 */
import { RejectedError } from "@bellhop/sdk";

const ADDRESS = /^[^\s@<>"(),:;\\[\]\p{Cc}]{1,64}@[a-z0-9](?:[a-z0-9.-]{0,250}[a-z0-9])?$/u;
const ROOT = /^[0-9a-f]{16}$/;
const UNVERIFIED = "unverified:";

/** In small letters; undefined where it is none that mail can be sent to. */
export function addressFrom(text: string): string | undefined {
  const address = text.trim().toLowerCase();
  return ADDRESS.test(address) ? address : undefined;
}

export function domainOf(address: string): string {
  return address.slice(address.lastIndexOf("@") + 1);
}

/** The chat of whoever says to be that address, and their id. */
export function correspondentOf(address: string, proven: boolean): string {
  return proven ? address : `${UNVERIFIED}${address}`;
}

export interface Place {
  readonly address: string;
  /** A new thread where it is absent. */
  readonly root: string | undefined;
}

/**
 * Where a mail to this chat goes.
 * @throws RejectedError nobody is there, or whoever is has not proved to be who they say
 */
export function placeOf(chat: string): Place {
  if (chat.startsWith(UNVERIFIED))
    throw new RejectedError(
      `Nothing is sent to ${chat}: nobody has proved that those mails are from that address (docs/email.md, “Who wrote”).`,
    );
  const [given = "", root, ...rest] = chat.split(":");
  const address = addressFrom(given);
  if (address === undefined || rest.length > 0 || (root !== undefined && !ROOT.test(root)))
    throw new RejectedError(`"${chat}" is no address that a mail can be sent to`);
  return { address, root };
}
