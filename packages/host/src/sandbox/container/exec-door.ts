/**
 * The host's end of the door where no socket reaches into the sandbox: the engine's own `exec -i` starts
 * door.mjs inside, and connections and line of life travel over its stdio (mux.mjs). The network of the
 * sandbox stays none.
 *
 * What comes out of there was written by a stranger. All that it can ask for is a connection to the one
 * door of this sandbox.
 */
import { connect } from "node:net";
import { type Readable, PassThrough } from "node:stream";
import type { Log } from "../../log.ts";
import { createMux, join, type Mux } from "../mux.mjs";
import { INSIDE } from "../profile.ts";
import type { Client } from "./client.ts";
import type { Dialect } from "./dialect.ts";
import { hear, reachable, STARVED } from "./line.ts";

/** What forwarder.mjs says on stderr, before anything else, when it waits. */
const WAITING = "bellhop: waiting for the line\n";

export interface ExecDoorOptions {
  readonly client: Client;
  readonly dialect: Dialect;
  /** The container. */
  readonly name: string;
  /** Host folder of `broker.sock`. */
  readonly doorDirectory: string;
  readonly log: Log;
}

export interface ExecDoor {
  /** Begins once forwarder.mjs waits; gives it its order. */
  bring(order: string): void;
  /** As of `Line`. */
  starved(): boolean;
  close(): Promise<void>;
}

export async function openExecDoor({
  client,
  dialect,
  name,
  doorDirectory,
  log,
}: ExecDoorOptions): Promise<ExecDoor> {
  const door = await reachable(doorDirectory, "broker.sock");
  let mux: Mux | undefined;
  let heard = () => "";
  let over = false;
  return {
    starved: () => heard() === STARVED,
    bring(order) {
      if (over) return;
      const words = [INSIDE.node, INSIDE.doorProgram];
      const carrier = client.start(dialect.exec(name, words));
      carrier.on("error", (err) => log.error({ err }, "The door could not be carried into a sandbox"));
      carrier.stderr.on("data", (said: Buffer) =>
        log.warn({ said: said.toString("utf8").slice(0, 500) }, "what carries a sandbox's door complains"),
      );
      mux = createMux({
        input: carrier.stdout,
        output: carrier.stdin,
        parity: "even",
        onStream: (stream) => join(stream, connect({ path: door.path, allowHalfOpen: true })),
        broken(reason) {
          if (!over) log.debug({ reason }, "the way to a sandbox's door has ended");
          carrier.kill("SIGKILL");
        },
      });
      const line = mux.open();
      heard = hear(line);
      line.write(order); // never ended: that it is open tells the sandbox that the host lives
    },
    async close() {
      if (over) return;
      over = true;
      mux?.close();
      await door.release();
    },
  };
}

/** Without the line in which forwarder.mjs says that it waits; `seen` is called when it does. */
export function withoutMark(stderr: Readable, seen: () => void): Readable {
  const rest = new PassThrough();
  let first = Buffer.alloc(0);
  const gather = (piece: Buffer): void => {
    first = Buffer.concat([first, piece]);
    const begun = WAITING.startsWith(first.subarray(0, WAITING.length).toString("utf8"));
    if (begun && first.length < WAITING.length) return;
    stderr.off("data", gather);
    if (begun) seen();
    rest.write(begun ? first.subarray(WAITING.length) : first);
    stderr.pipe(rest);
    first = Buffer.alloc(0);
  };
  stderr.on("data", gather);
  stderr.on("end", () => rest.end(first));
  stderr.on("error", (error) => rest.destroy(error));
  return rest;
}
