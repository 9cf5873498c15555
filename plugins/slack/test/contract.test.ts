/** The contract suite on the strict fake of Slack, alone and with a real host. */
import { channelContract } from "@bellhop/sdk/testing";
import { afterAll, describe, it } from "vitest";
import { openContractHost } from "../../../packages/host/test/contract/host.ts";
import { openSlackPeer } from "./fake/peer.ts";

channelContract({ describe, it, afterAll }, "slack", openSlackPeer, openContractHost);
