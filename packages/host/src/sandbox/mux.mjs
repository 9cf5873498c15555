/**
 * Many connections over one pair of pipes, where a socket cannot cross: the door's, over the stdio of
 * the engine's own `exec -i`. The same file serves both ends, in the host and in the sandbox.
 *
 * - A frame is the stream's number, its type, the length of what follows, and that. Either end opens
 *   streams, the one with even numbers, the other with odd ones.
 * - Each stream has a window: what was not yet read of it is bounded, and one that nobody reads does not
 *   hold up the others.
 * - An end is passed on as an end, a break as a break.
 * - The other end is believed in nothing. What breaks these rules ends the whole, through `broken`.
 */
import { Duplex } from "node:stream";

/** `[name]: number on the wire`. */
export const FRAME = { open: 1, data: 2, end: 3, reset: 4, credit: 5 };
const HEADER_BYTES = 9;
/** Of one frame. A pipe holds as much. */
export const MAX_DATA_BYTES = 64 * 1024;
/** What one stream may have under way. */
export const WINDOW_BYTES = 256 * 1024;
/** The door takes 64 connections at once. */
export const MAX_STREAMS = 128;

export function frame(stream, type, data = Buffer.alloc(0)) {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32BE(stream, 0);
  header.writeUInt8(type, 4);
  header.writeUInt32BE(data.length, 5);
  return data.length === 0 ? header : Buffer.concat([header, data]);
}

/** Takes pieces of any size and gives whole frames. Throws for one that no end of ours would send. */
export function createParser(take) {
  let rest = Buffer.alloc(0);
  return (piece) => {
    rest = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
    let at = 0;
    while (rest.length - at >= HEADER_BYTES) {
      const type = rest.readUInt8(at + 4);
      const length = rest.readUInt32BE(at + 5);
      if (length > longest(type)) throw new RangeError(`a frame of type ${type} with ${length} bytes`);
      if (rest.length - at < HEADER_BYTES + length) break;
      const data = rest.subarray(at + HEADER_BYTES, at + HEADER_BYTES + length);
      take({ stream: rest.readUInt32BE(at), type, data });
      at += HEADER_BYTES + length;
    }
    rest = rest.subarray(at);
  };
}

function longest(type) {
  if (type === FRAME.data) return MAX_DATA_BYTES;
  if (type === FRAME.credit) return 4;
  return type >= FRAME.open && type <= FRAME.reset ? 0 : -1;
}

export function createMux({ input, output, parity, onStream, broken }) {
  const streams = new Map();
  /** Those that have something to send and may, in the order in which they wait for the pipe. */
  const waiting = new Set();
  let clogged = false;
  let next = parity === "even" ? 2 : 1;
  let over = false;

  function finish(reason) {
    if (over) return;
    over = true;
    input.destroy();
    output.destroy();
    for (const { duplex } of streams.values()) duplex.destroy();
    streams.clear();
    broken(reason);
  }

  function send(id, type, data) {
    if (!over && !output.write(frame(id, type, data))) clogged = true;
  }

  function stream(id) {
    let credit = WINDOW_BYTES;
    let owed = 0; // what came and was not given back to the sender's credit
    let held; // what is written and does not fit the credit or the pipe yet
    let ended = false;
    let finished = false;

    const mayPass = () => credit > 0 && !clogged && !over;

    function pump() {
      while (held !== undefined && mayPass()) {
        const { data, done } = held;
        const piece = data.subarray(0, Math.min(credit, MAX_DATA_BYTES));
        const rest = data.subarray(piece.length);
        // All of it before anything is sent: the answer may come, and be acted on, within the call.
        held = rest.length > 0 ? { data: rest, done } : undefined;
        credit -= piece.length;
        send(id, FRAME.data, piece);
        if (rest.length === 0) done();
      }
      if (held !== undefined && credit > 0 && clogged) waiting.add(pump);
    }

    function giveBack() {
      if (owed === 0 || ended) return;
      const amount = Buffer.alloc(4);
      amount.writeUInt32BE(owed);
      owed = 0;
      send(id, FRAME.credit, amount);
    }

    const duplex = new Duplex({
      allowHalfOpen: true,
      read: giveBack,
      write(data, _encoding, done) {
        held = { data, done };
        pump();
      },
      final(done) {
        finished = true;
        send(id, FRAME.end);
        done();
      },
      destroy(error, done) {
        waiting.delete(pump);
        // Past both ends it is over for both sides already.
        if (streams.get(id)?.duplex === duplex) {
          streams.delete(id);
          if (!ended || !finished) send(id, FRAME.reset);
        }
        done(error);
      },
    });
    duplex.on("error", () => undefined); // whoever uses it listens for "close"

    const takes = {
      [FRAME.data](data) {
        owed += data.length;
        if (ended || owed > WINDOW_BYTES) throw new RangeError("more data than the stream's window takes");
        if (duplex.push(Buffer.from(data))) giveBack();
      },
      [FRAME.end]() {
        if (ended) throw new RangeError("a stream ended twice");
        ended = true;
        duplex.push(null);
      },
      [FRAME.reset]() {
        streams.delete(id);
        duplex.destroy();
      },
      [FRAME.credit](data) {
        if (data.length !== 4) throw new RangeError("a credit of no amount");
        credit += data.readUInt32BE(0);
        if (credit > WINDOW_BYTES) throw new RangeError("more credit than was used");
        pump();
      },
    };
    const made = { duplex, take: (type, data) => takes[type](data) };
    streams.set(id, made);
    return duplex;
  }

  function take({ stream: id, type, data }) {
    if (over) return;
    if (type !== FRAME.open) {
      streams.get(id)?.take(type, data); // else it was left here already
      return;
    }
    const theirs = id % 2 === (parity === "even" ? 1 : 0);
    if (!theirs || streams.has(id)) throw new RangeError("a stream opened with a number that is taken");
    if (streams.size >= MAX_STREAMS) send(id, FRAME.reset);
    else onStream(stream(id));
  }

  const parse = createParser(take);
  input.on("data", (piece) => {
    try {
      parse(piece);
    } catch (error) {
      finish(error instanceof Error ? error.message : String(error));
    }
  });
  input.on("close", () => finish("it closed"));
  input.on("error", (error) => finish(error.message));
  output.on("error", (error) => finish(error.message));
  output.on("close", () => finish("it closed"));
  output.on("drain", () => {
    clogged = false;
    for (const pump of waiting) {
      if (clogged) break;
      waiting.delete(pump);
      pump();
    }
  });

  return {
    open() {
      const id = next;
      next += 2;
      const duplex = stream(id);
      send(id, FRAME.open);
      if (over) duplex.destroy();
      return duplex;
    },
    close: () => finish("it was closed"),
  };
}

/** Joins two streams: an end is passed on as an end; only a broken one breaks the other. */
export function join(one, other) {
  for (const [from, to] of [
    [one, other],
    [other, one],
  ]) {
    from.pipe(to);
    from.on("error", () => to.destroy());
    from.on("close", () => {
      if (!from.readableEnded) to.destroy();
    });
  }
}
