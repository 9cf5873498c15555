/** The contract suite against a real Dovecot and a real SMTP server, alone and with a real host. */
import { channelContract } from "@bellhop/sdk/testing";
import { afterAll, describe, it } from "vitest";
import { openContractHost } from "../../../packages/host/test/contract/host.ts";
import { withoutDovecot } from "./servers/dovecot.ts";
import { openServers } from "./servers/peer.ts";

const why = withoutDovecot();
if (why === undefined) {
  const servers = openServers();
  channelContract(
    { describe, it, afterAll },
    "email",
    async () => await (await servers).peer(),
    openContractHost,
  );
  afterAll(async () => await (await servers).close());
} else {
  it.skip(`the channel contract: email (${why})`, () => undefined);
}
