/** The contract suite against a real Dovecot and a real SMTP server, alone and with a real host. */
import { channelContract } from "@bellhop/sdk/testing";
import { afterAll, describe, it } from "vitest";
import { openContractHost } from "../../../packages/host/test/contract/host.ts";
import { withoutDovecot } from "./servers/dovecot.ts";
import { openServers } from "./servers/peer.ts";

const why = withoutDovecot();
const servers = why === undefined ? openServers() : undefined;

async function open() {
  const running = await servers;
  if (!running) throw new Error(why);
  return await running.peer();
}

describe.skipIf(why !== undefined)(`real servers${why === undefined ? "" : ` (${why})`}`, () => {
  channelContract({ describe, it, afterAll }, "email", open, openContractHost);
  afterAll(async () => await (await servers)?.close());
});
