/** `Channel.send` for adapters, by what is to be sent. */
import type { Outbound, OutboundFile, Sent } from "./channel.ts";
import { WireError } from "./wire.ts";

/** An outbound message of one kind. */
export type OutboundOf<Kind extends Outbound["kind"]> = Extract<Outbound, { readonly kind: Kind }>;

export type Senders = {
  readonly [Kind in Outbound["kind"]]: (message: OutboundOf<Kind>, signal: AbortSignal) => Promise<Sent>;
};

/** @returns `Channel.send` */
export function sendingBy({ text, file, reaction }: Senders) {
  return async function send(message: Outbound, signal: AbortSignal): Promise<Sent> {
    switch (message.kind) {
      case "text":
        return await text(message, signal);
      case "file":
        return await file(message, signal);
      case "reaction":
        return await reaction(message, signal);
      default:
        return message satisfies never;
    }
  };
}

/** What `maxTextLength` leaves for a name before a text (`Outbound.sender`), in any unit. */
export const NAME_ROOM = 96;

/** The slowest line that a file is sent over. */
const BYTES_PER_MS = 50;

/** How much longer a call may take that brings so many bytes along, ms. */
export function uploadMs(bytes: number): number {
  return Math.ceil(bytes / BYTES_PER_MS);
}

/**
 * The content of a file, for the body of a request: what cannot be read to its end was not sent to its end either.
 * @throws WireError
 */
export async function* bytesOf(file: OutboundFile): AsyncGenerator<Uint8Array> {
  try {
    yield* file.open();
  } catch (cause) {
    throw new WireError("the file could not be read", { cause, written: false });
  }
}
