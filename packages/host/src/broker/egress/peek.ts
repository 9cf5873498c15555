/** Looks at the first bytes of a connection without taking them. */
import type { Duplex } from "node:stream";
import type { Clock } from "../../core/clock.ts";
import { type Opening, readOpening } from "./client-hello.ts";

/** `gone`: nothing came in time, or it was left. The bytes are there to be read again. */
export type Peeked = Exclude<Opening, { kind: "more" }> | { readonly kind: "gone" };

/** @param head what has been read already */
export function peek(
  socket: Duplex,
  head: Buffer,
  { clock, ms }: { readonly clock: Clock; readonly ms: number },
): Promise<Peeked> {
  return new Promise((resolve) => {
    let bytes = head;
    const done = (peeked: Peeked) => {
      cancel();
      socket.off("data", take).off("close", left).off("end", left);
      socket.pause();
      if (bytes.length > 0 && !socket.destroyed) socket.unshift(bytes);
      resolve(peeked);
    };
    const look = () => {
      const opening = readOpening(bytes);
      if (opening.kind !== "more") done(opening);
    };
    const take = (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      look();
    };
    const left = () => done({ kind: "gone" });
    const cancel = clock.after(ms, left);
    socket.on("data", take).once("close", left).once("end", left);
    look();
  });
}
