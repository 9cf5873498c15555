import { channelContract } from "@bellhop/sdk/testing";
import { afterAll, describe, it } from "vitest";
import { openWebhookPeer } from "./peer.ts";

channelContract({ describe, it, afterAll }, "webhook", openWebhookPeer);
