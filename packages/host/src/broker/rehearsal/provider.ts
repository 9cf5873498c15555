/** The rehearsal model as a provider: started in this process, reached through a socket in `run/`. */
import { chmod } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../core/clock.ts";
import { socketPath } from "../listen.ts";
import { rehearsalPrices } from "../prices.ts";
import type { Provider } from "../provider.ts";
import { createRehearsalModel } from "./server.ts";

export interface Rehearsal {
  readonly provider: Provider;
  close(): Promise<void>;
}

/** @throws ConfigError when the path of the socket is too long */
export async function startRehearsal(deps: { runDirectory: string; clock: Clock }): Promise<Rehearsal> {
  const socket = await socketPath(deps.runDirectory, "rehearsal.sock");
  const model = createRehearsalModel(deps);
  await model.listen(socket.path);
  await chmod(join(deps.runDirectory, "rehearsal.sock"), 0o600);
  return {
    provider: {
      name: "rehearsal",
      target: { socketPath: socket.path },
      credential: undefined,
      betas: [],
      secrets: [],
      prices: rehearsalPrices,
    },
    async close() {
      await model.close();
      await socket.release();
    },
  };
}
