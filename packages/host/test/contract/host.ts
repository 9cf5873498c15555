/** A real host for the contract suite: in this process, with a home of its own and the rehearsal model. */
import type { HostOptions, HostUnderTest } from "@bellhop/sdk/testing";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "../../src/cli/client.ts";
import { homePaths } from "../../src/config.ts";
import { systemClock } from "../../src/core/clock.ts";
import { startHost } from "../../src/main.ts";
import { configured, shortWaits } from "../configured.ts";

export interface ContractHostHere extends HostUnderTest {
  /** Of the host that runs just now: where its API is, and a token for it. */
  door(): Promise<{ readonly url: string; readonly token: string }>;
}

export async function openContractHost({
  peer,
  channels,
  owners,
  groups,
  notices,
}: HostOptions): Promise<ContractHostHere> {
  const { name, account } = peer.connect();
  const address = account === "" ? name : `${name}/${account}`;
  const place = await mkdtemp(join(tmpdir(), "bellhop-contract-"));
  const home = join(place, "home");
  const platforms = channels().length > 0;
  const config = platforms
    ? [
        `owners: ${JSON.stringify(owners.map((id) => `${name}:${id}`))}`,
        `notices: ${JSON.stringify(`${address}:${notices}`)}`,
        "groups:",
        ...groups.flatMap(({ name: group, chats }) => [
          `  ${group}:`,
          `    chats: ${JSON.stringify(chats.map((id) => `${address}:${id}`))}`,
        ]),
      ].join("\n")
    : "";
  await mkdir(home, { mode: 0o700 });
  await writeFile(homePaths(home).config, config);
  const start = () =>
    startHost({
      config: configured({ home, env: { XDG_CONFIG_HOME: join(place, "config") }, flags: { port: 0 } }),
      channels: channels(),
      random: shortWaits,
    });
  let host = await start();
  let token: string | undefined;
  const client = createClient({ home, socket: homePaths(home).socket, clock: systemClock });

  return {
    home,
    folder: join(home, "groups", platforms ? (groups[0]?.name ?? "") : "main"),
    async kill() {
      await host.stop();
      host = await start();
    },
    async restart() {
      await host.drain();
      host = await start();
    },
    async door() {
      token ??= await host.apiToken("chat");
      return { url: host.url, token };
    },
    pair: async () => (await client.senders.pair()).code,
    owes: async () => (await host.status()).outbox.open,
    async close() {
      await host.stop();
      await rm(place, { recursive: true, force: true });
    },
  };
}
