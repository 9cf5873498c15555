/** The contract suite on the platform in memory, with each promise that a channel can make (G14). */
import { channelContract } from "@bellhop/sdk/testing";
import { afterAll, describe, it } from "vitest";
import { openContractHost } from "./host.ts";
import { openMemoryPeer } from "./memory-peer.ts";

channelContract({ describe, it, afterAll }, "memory, twice", async () => openMemoryPeer(), openContractHost);
