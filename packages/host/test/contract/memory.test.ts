/** The contract suite on the platform in memory, with each promise that a channel can make (G14). */
import { channelContract } from "@bellhop/sdk/testing";
import { afterAll, describe, it } from "vitest";
import { openContractHost } from "./host.ts";
import { openMemoryPeer } from "./memory-peer.ts";

const runner = { describe, it, afterAll };

channelContract(runner, "memory, shown twice", async () => openMemoryPeer(), openContractHost);
channelContract(runner, "memory, shown once", async () =>
  openMemoryPeer({ abilities: { resend: { how: "once" } } }),
);
channelContract(runner, "memory, looked up", async () =>
  openMemoryPeer({ abilities: { resend: { how: "lookup" } }, echoes: true }),
);
