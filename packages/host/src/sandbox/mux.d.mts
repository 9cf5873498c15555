import type { Duplex, Readable, Writable } from "node:stream";

export declare const FRAME: {
  readonly open: 1;
  readonly data: 2;
  readonly end: 3;
  readonly reset: 4;
  readonly credit: 5;
};
export declare const MAX_DATA_BYTES: number;
export declare const WINDOW_BYTES: number;
export declare const MAX_STREAMS: number;

export interface Frame {
  readonly stream: number;
  readonly type: number;
  readonly data: Buffer;
}

export declare function frame(stream: number, type: number, data?: Buffer): Buffer;
export declare function createParser(take: (frame: Frame) => void): (piece: Buffer) => void;

export interface MuxOptions {
  readonly input: Readable;
  readonly output: Writable;
  /** The numbers of the streams that this end opens; the other end has the other ones. */
  readonly parity: "even" | "odd";
  /** The other end has opened one. */
  readonly onStream: (stream: Duplex) => void;
  /** Called once, when nothing passes any more, with the reason. */
  readonly broken: (reason: string) => void;
}

export interface Mux {
  open(): Duplex;
  close(): void;
}

export declare function createMux(options: MuxOptions): Mux;
export declare function join(one: Duplex, other: Duplex): void;
