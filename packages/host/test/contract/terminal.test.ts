/** The contract suite on the terminal: the control socket of a real host, spoken to as the commands do. */
import { channelContract } from "@bellhop/sdk/testing";
import { afterAll, describe, it } from "vitest";
import { createClient } from "../../src/cli/client.ts";
import { plain } from "../../src/cli/plain.ts";
import { homePaths } from "../../src/config.ts";
import { systemClock } from "../../src/core/clock.ts";
import { createDesk } from "./desk-peer.ts";

const { open, openHost } = createDesk({
  name: "terminal",
  doorTo: async ({ home }) => createClient({ home, socket: homePaths(home).socket, clock: systemClock }),
  // People read the markup with it; its backslashes are no words.
  read: (text) => plain(text).replace(/\\([\p{P}\p{S}])/gu, "$1"),
});

channelContract({ describe, it, afterAll }, "terminal", open, openHost);
