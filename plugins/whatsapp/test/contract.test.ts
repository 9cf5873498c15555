/** The contract suite on the fake, alone and with a real host; and of a second account alone. */
import { channelContract } from "@bellhop/sdk/testing";
import { afterAll, describe, it } from "vitest";
import { openContractHost } from "../../../packages/host/test/contract/host.ts";
import { openWhatsAppPeer } from "./fake/peer.ts";
import { createFakeServer, OTHER_ME } from "./fake/server.ts";

const runner = { describe, it, afterAll };

channelContract(runner, "whatsapp", openWhatsAppPeer, openContractHost);
channelContract(runner, "whatsapp/2", async () =>
  openWhatsAppPeer({ number: 2, server: createFakeServer(OTHER_ME) }),
);
