/** The contract suite on the strict fake of the Graph API, alone and with a real host. */
import { channelContract } from "@bellhop/sdk/testing";
import { afterAll, describe, it } from "vitest";
import { openContractHost } from "../../../packages/host/test/contract/host.ts";
import { openWhatsAppPeer } from "./fake/peer.ts";

channelContract({ describe, it, afterAll }, "whatsapp-cloud", openWhatsAppPeer, openContractHost);
