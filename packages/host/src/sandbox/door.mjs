/**
 * The sandbox's end of the door where no socket can cross: started by the host with the engine's own
 * `exec -i`, before anything of the agent's runs. It waits at the socket where forwarder.mjs looks for
 * the door and carries every connection over its stdio. The stream that the host opens is its line of
 * life, which is handed to forwarder.mjs. When the stdio closes, the host is gone, and so is this.
 */
import { connect, createServer } from "node:net";
import { createMux, join } from "./mux.mjs";

const DOOR = "/run/bellhop/broker.sock";
const LINE = "/run/bellhop/line.sock";

const mux = createMux({
  input: process.stdin,
  output: process.stdout,
  parity: "odd",
  onStream: (line) => join(line, connect({ path: LINE, allowHalfOpen: true })),
  broken: () => process.exit(1),
});

const server = createServer({ allowHalfOpen: true }, (connection) => join(connection, mux.open()));
server.on("error", (error) => {
  process.stderr.write(`bellhop sandbox: cannot wait at the door: ${error.message}\n`);
  process.exit(78);
});
server.listen(DOOR);
