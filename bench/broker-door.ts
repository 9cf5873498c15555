/**
 * The broker of the broker's bench, alone in its process: doors with a live turn each, in front of the scripted
 * server. Arguments: directory, port of the server, number of doors. Says how much memory it takes when it is asked.
 */
import { join } from "node:path";
import { createBroker } from "../packages/host/src/broker/broker.ts";
import { providerFromRoute } from "../packages/host/src/broker/provider.ts";
import { systemClock } from "../packages/host/src/core/clock.ts";
import { MAIN, newId, SandboxId, SessionId, TurnId } from "../packages/host/src/core/ids.ts";
import { silentLog } from "../packages/host/src/log.ts";

const [runDirectory = "", port = "", doors = "1"] = process.argv.slice(2);
const key = { header: "x-api-key", value: "sk-ant-a-key-of-the-bench-0123456789" } as const;
const provider = providerFromRoute({ name: "bench", url: `http://127.0.0.1:${port}`, key, models: {} });
const broker = await createBroker({
  runDirectory,
  providers: [provider],
  record: () => undefined,
  taint: { mark: async () => undefined },
  clock: systemClock,
  log: silentLog,
});
const sockets: string[] = [];
for (let n = 0; n < Number(doors); n += 1) {
  const ids = { sandbox: newId(SandboxId), session: newId(SessionId), group: MAIN };
  const door = await broker.openDoor({ ...ids, provider: provider.name });
  door.setTurn(newId(TurnId));
  sockets.push(join(door.directory, "broker.sock"));
}
process.on("message", () => process.send?.({ rss: process.memoryUsage.rss() }));
process.once("disconnect", () => {
  void broker.close().then(() => process.exit());
});
process.send?.({ sockets });
