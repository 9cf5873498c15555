/**
 * The contract suite: every adapter runs all of it against its peer, in any runner of tests that has `describe`
 * and `it` (vitest, node:test).
 *
 *     channelContract({ describe, it, afterAll }, "telegram", openTelegramPeer);
 *
 * A check that a platform cannot have is skipped, and says why; what decides that is what the adapter declares.
 */
import type { ChannelPeer } from "../peer.ts";
import type { Check } from "./check.ts";
import { CONNECTION } from "./connection.ts";
import { CONTENT, DECLARING } from "./content.ts";
import { DELIVERING } from "./delivering.ts";
import { HEARING } from "./hearing.ts";
import { HOST_CHECKS } from "./hosted-checks.ts";
import { type HostCheck, type OpenHost, openShared, type SharedHost } from "./hosted.ts";
import { openRig, type Rig } from "./rig.ts";
import { SENDING } from "./sending.ts";

/** What the checks are about; docs/channels.md says more. */
export const POINTS: Readonly<Record<number, string>> = {
  0: "what it declares",
  1: "what people do",
  2: "what comes twice",
  3: "order",
  4: "a host that is killed",
  5: "an answer that is lost",
  6: "a platform that refuses",
  7: "the connection",
  8: "long texts",
  9: "where an answer goes",
  10: "buttons",
  11: "files",
  12: "an answer that is being written",
  13: "the end",
};

/** What the adapter shows by itself, in the order of the points. */
export const ADAPTER_CHECKS: readonly Check[] = [
  ...DECLARING,
  ...HEARING,
  ...DELIVERING,
  ...CONNECTION,
  ...SENDING,
  ...CONTENT,
].toSorted((a, b) => a.point - b.point);

/** What does not end says so itself, long before; this is for a machine that is busy with other things. */
const TIMEOUT_MS = 180_000;

export interface TestRunner {
  describe(name: string, body: () => void): unknown;
  it(
    name: string,
    options: { readonly timeout: number },
    body: (context: TestContext) => Promise<void>,
  ): unknown;
  /** `after` of node:test. */
  afterAll(body: () => Promise<void>): unknown;
}
export interface TestContext {
  skip(why?: string): unknown;
}

export type OpenPeer = () => Promise<ChannelPeer>;

/** Runs one check on a peer of its own. @returns why it does not apply, if it does not */
export async function runCheck(check: Check, open: OpenPeer): Promise<string | undefined> {
  const peer = await open();
  const why = await check.without?.(peer.connect(), peer);
  if (why !== undefined) {
    await peer.close();
    return why;
  }
  await using rig: Rig & AsyncDisposable = await openRig(peer);
  await check.run(rig);
  return undefined;
}

/**
 * One host for an adapter, opened when it is needed; a check that fails leaves it to nobody else.
 * `run` returns why a check does not apply, if it does not.
 */
export function hostChecks(open: OpenPeer, openHost: OpenHost) {
  let shared: SharedHost | undefined;

  async function close(): Promise<void> {
    const host = shared;
    shared = undefined;
    await host?.[Symbol.asyncDispose]();
  }

  return {
    async run(check: HostCheck): Promise<string | undefined> {
      const peer = await open();
      const why = await check.without?.(peer.connect(), peer);
      if (why !== undefined || shared) await peer.close();
      if (why !== undefined) return why;
      shared ??= await openShared(peer, openHost);
      try {
        await check.run(shared.next(check));
        await shared.settled();
      } catch (error) {
        await close();
        throw error;
      }
      return undefined;
    },
    close,
  };
}

/** @param openHost a host with that channel; without one, what needs a host is skipped */
export function channelContract(
  { describe, it, afterAll }: TestRunner,
  name: string,
  open: OpenPeer,
  openHost?: OpenHost,
): void {
  const hosts = openHost && hostChecks(open, openHost);
  describe(`the channel contract: ${name}`, () => {
    afterAll(async () => await hosts?.close());
    for (const [point, about] of Object.entries(POINTS)) {
      const alone = ADAPTER_CHECKS.filter((check) => String(check.point) === point);
      const hosted = HOST_CHECKS.filter((check) => String(check.point) === point);
      describe(`${point}. ${about}`, () => {
        for (const check of alone) {
          it(check.says, { timeout: TIMEOUT_MS }, async (context) => {
            const why = await runCheck(check, open);
            if (why !== undefined) context.skip(why);
          });
        }
        for (const check of hosted) {
          it(`${check.says}, with its host`, { timeout: TIMEOUT_MS }, async (context) => {
            const why = hosts ? await hosts.run(check) : "no host is given";
            if (why !== undefined) context.skip(why);
          });
        }
      });
    }
  });
}
