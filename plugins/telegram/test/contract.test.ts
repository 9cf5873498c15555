import { channelContract } from "@bellhop/sdk/testing";
import { describe, it } from "vitest";
import { openTelegramPeer } from "./fake/peer.ts";

channelContract({ describe, it }, "telegram", openTelegramPeer);
