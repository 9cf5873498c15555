/**
 * The contract suite on the platform in memory, with each promise that a channel can make (G14). What needs a host is
 * shown with Telegram, whose adapter has a wire that can break.
 */
import { channelContract } from "@bellhop/sdk/testing";
import { afterAll, describe, it } from "vitest";
import { openMemoryPeer } from "./memory-peer.ts";

const runner = { describe, it, afterAll };

channelContract(runner, "memory, shown twice", async () => openMemoryPeer());
channelContract(runner, "memory, shown once", async () =>
  openMemoryPeer({ abilities: { resend: { how: "once" } } }),
);
channelContract(runner, "memory, looked up", async () =>
  openMemoryPeer({ abilities: { resend: { how: "lookup" } }, echoes: true }),
);
