/**
 * How the broker itself reaches the network. Names are resolved here and nowhere else, and what was resolved
 * is what is connected to: nobody can change his mind in between (DNS rebinding, F32).
 *
 * - A name is public only if all its addresses are.
 * - A pinned one is not resolved at all. It still never leads to what nobody may allow.
 */
import { RejectedError, TemporaryError } from "@bellhop/sdk";
import { lookup } from "node:dns/promises";
import { once } from "node:events";
import { connect as dialTcp, isIP, type Socket } from "node:net";
import { networkInterfaces } from "node:os";
import { connect as dialTls, createSecureContext, getCACertificates, type TLSSocket } from "node:tls";
import { type AddressKind, addressKind, mayBePinned } from "../../core/address.ts";
import type { Clock } from "../../core/clock.ts";
import { type Target, targetText } from "../../core/egress-rule.ts";

/** What of the network is an argument: names, addresses, connections, and whom to believe. */
export interface Network {
  /** All addresses of a name. */
  resolve(host: string): Promise<readonly string[]>;
  kindOf(address: string): AddressKind;
  dial(address: string, port: number): Socket;
  /** Certificates of authorities, PEM; read when first needed. */
  roots(): readonly string[];
  /** Addresses of this machine. */
  own(): readonly string[];
}

export const systemNetwork: Network = {
  resolve: async (host) => (await lookup(host, { all: true })).map(({ address }) => address),
  kindOf: addressKind,
  dial: (address, port) => dialTcp({ host: address, port, noDelay: true }),
  roots: () => [...new Set([...getCACertificates("default"), ...getCACertificates("system")])],
  own: () => Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address)),
};

const RESOLVE_MS = 10_000;
const CONNECT_MS = 15_000;

export interface ReachDeps {
  readonly network: Network;
  /** Where Bellhop itself listens on this machine. */
  readonly ownPorts: () => readonly number[];
  readonly clock: Clock;
}

export type Reach = ReturnType<typeof createReach>;

export function createReach({ network, ownPorts, clock }: ReachDeps) {
  let trusted: ReturnType<typeof createSecureContext> | undefined;

  const isHere = (address: string) =>
    network.kindOf(address) === "loopback" || network.own().includes(address);

  /** @throws TemporaryError */
  async function within<T>(ms: number, what: string, work: Promise<T>, late = () => {}): Promise<T> {
    const over = Promise.withResolvers<never>();
    const cancel = clock.after(ms, () => {
      over.reject(new TemporaryError(`${what} took too long`));
      late();
    });
    try {
      return await Promise.race([work, over.promise]);
    } finally {
      cancel();
    }
  }

  async function resolved(host: string): Promise<readonly string[]> {
    if (isIP(host) !== 0) return [host];
    try {
      return await within(RESOLVE_MS, `looking up ${host}`, network.resolve(host));
    } catch (cause) {
      if (cause instanceof TemporaryError) throw cause;
      throw new TemporaryError(`the name ${host} could not be looked up`, { cause });
    }
  }

  /** @throws RejectedError where nobody may allow this address */
  function assertPinnable(target: Target, address: string): void {
    const kind = network.kindOf(address);
    if (!mayBePinned(kind)) {
      throw new RejectedError(`${targetText(target)} is at ${address} (${kind}), which nobody can allow`);
    }
    if (isHere(address) && ownPorts().includes(target.port)) {
      throw new RejectedError(`${targetText(target)} is Bellhop itself, which nobody can allow`);
    }
  }

  return {
    /**
     * Where a target is, checked.
     * @throws RejectedError when it is where no sandbox may go, TemporaryError when nobody can say
     */
    async addresses(target: Target, pin: string | undefined): Promise<readonly string[]> {
      if (pin !== undefined) {
        assertPinnable(target, pin);
        return [pin];
      }
      const addresses = await resolved(target.host);
      if (addresses.length === 0) throw new TemporaryError(`the name ${target.host} has no address`);
      for (const address of addresses) {
        const kind = network.own().includes(address) ? "of this machine" : network.kindOf(address);
        if (kind === "public") continue;
        throw new RejectedError(
          isIP(target.host) === 0
            ? `${target.host} is at an address that is not public (${kind})`
            : `${target.host} is not a public address (${kind})`,
        );
      }
      return addresses;
    },

    /**
     * The address by which an owner's allow of something that is not public is pinned.
     * @throws RejectedError when nobody may allow it
     */
    async pinFor(target: Target, given: string | undefined): Promise<string> {
      const [address] = given === undefined ? await resolved(target.host) : [given];
      if (address === undefined) throw new RejectedError(`the name ${target.host} has no address`);
      assertPinnable(target, address);
      return address;
    },

    /** Connects to one of the addresses. @throws TemporaryError when none answers */
    async connect(target: Target, addresses: readonly string[]): Promise<Socket> {
      let cause: unknown;
      for (const address of addresses) {
        const socket = network.dial(address, target.port);
        try {
          await within(CONNECT_MS, `connecting to ${targetText(target)}`, once(socket, "connect"));
          socket.on("error", () => socket.destroy()); // whoever uses it sees it close
          return socket;
        } catch (error) {
          socket.on("error", () => undefined);
          socket.destroy();
          cause = error;
        }
      }
      throw new TemporaryError(`${targetText(target)} could not be reached`, { cause });
    },

    /** TLS over it, with the host's own certificate verified. @throws TemporaryError when that fails */
    async secured(target: Target, socket: Socket): Promise<TLSSocket> {
      trusted ??= createSecureContext({ ca: [...network.roots()] });
      const name = isIP(target.host) === 0 ? { servername: target.host } : { host: target.host };
      const secure = dialTls({ socket, secureContext: trusted, ALPNProtocols: ["http/1.1"], ...name });
      try {
        await within(CONNECT_MS, `TLS with ${targetText(target)}`, once(secure, "secureConnect"));
      } catch (cause) {
        secure.on("error", () => undefined);
        secure.destroy();
        const why = cause instanceof Error ? cause.message : String(cause);
        throw new TemporaryError(`TLS with ${targetText(target)} failed: ${why}`, { cause });
      }
      secure.on("error", () => secure.destroy());
      return secure;
    },
  };
}
