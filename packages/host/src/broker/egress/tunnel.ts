/**
 * Bytes both ways, unread. Only what its opening has shown to be TLS for its host comes here (peek.ts).
 *
 * - What comes back taints before it goes in, so the first answer waits for that to be on disk.
 * - Nothing more goes out once somebody else's words have reached the sandbox.
 */
import { RejectedError } from "@bellhop/sdk";
import type { Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Target } from "../../core/egress-rule.ts";
import { counting } from "./exchange.ts";
import type { EgressEnded } from "../../store/egress-record.ts";

export interface Tunnel {
  readonly target: Target;
  readonly socket: Duplex;
  readonly upstream: () => Promise<Duplex>;
  readonly begin: () => Promise<(ended: EgressEnded) => Promise<void>>;
  readonly onAnswer: () => Promise<void>;
  /** Asked of each piece that goes out before anything came back. */
  readonly mayGoOn: () => boolean;
  readonly maxRequest: number;
  readonly maxResponse: number;
}

export async function tunnel(parts: Tunnel): Promise<void> {
  const { socket, mayGoOn, onAnswer } = parts;
  const end = await parts.begin();
  const sent = counting(parts.maxRequest);
  const received = counting(parts.maxResponse);
  let answered = false;
  let outcome = "ended";

  async function* guarded(source: AsyncIterable<Buffer>) {
    for await (const chunk of source) {
      if (!answered && !mayGoOn()) throw new RejectedError("the session has been tainted meanwhile");
      yield chunk;
    }
  }

  async function* tainting(source: AsyncIterable<Buffer>) {
    for await (const chunk of source) {
      if (!answered) await onAnswer();
      answered = true;
      yield chunk;
    }
  }

  try {
    const other = await parts.upstream();
    for (const end of [socket, other]) end.setMaxListeners(20); // two pipelines listen at each
    await Promise.all([
      pipeline(socket, guarded, sent.stream, other),
      pipeline(other, received.stream, tainting, socket),
    ]);
  } catch (error) {
    outcome =
      sent.over() || received.over()
        ? "cut: too large"
        : `cut: ${error instanceof Error ? error.message : String(error)}`;
    socket.destroy();
  } finally {
    await end({ outcome, sent: sent.bytes(), received: received.bytes() });
  }
}
