/**
 * A host to be killed: `node a-container-host.ts ENGINE HOME IMAGE SCRIPT` holds one sandbox in which SCRIPT
 * runs, and hands on the first line that it says.
 */
import { systemClock } from "../../core/clock.ts";
import { silentLog } from "../../log.ts";
import { createContainers } from "../container/container.ts";
import { docker, podman } from "../container/oci.ts";
import { sandboxUid } from "../staging.ts";
import { bash, createRoom, nextLine, start } from "./room.ts";

const [engine, home = "", image = "", script = ""] = process.argv.slice(2);
const env = Object.fromEntries(
  Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
);
const runtime = createContainers({
  dialect: engine === "docker" ? docker : podman,
  home,
  image,
  env,
  clock: systemClock,
  log: silentLog,
});
const sandbox = await start(runtime, createRoom(sandboxUid).spec("ours"), bash(script));
process.stdout.write(`${await nextLine(sandbox)}\n`);
