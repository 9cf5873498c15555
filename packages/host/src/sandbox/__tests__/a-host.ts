/** A host to be killed: `node a-host.ts HOME MARKER` holds one sandbox in which MARKER runs, and says so. */
import { systemClock } from "../../core/clock.ts";
import { silentLog } from "../../log.ts";
import { createBubblewrap } from "../bubblewrap.ts";
import { sandboxUid } from "../staging.ts";
import { bash, createRoom, nextLine, start } from "./room.ts";

const [home = "", marker = ""] = process.argv.slice(2);
const room = createRoom(sandboxUid);
const runtime = createBubblewrap({ home, clock: systemClock, log: silentLog });
const sandbox = await start(
  runtime,
  room.spec("ours"),
  bash(`setsid sleep ${marker} > /dev/null 2>&1 < /dev/null & echo up; exec sleep ${marker}`),
);
await nextLine(sandbox);
process.stdout.write(`${room.base}\n`);
