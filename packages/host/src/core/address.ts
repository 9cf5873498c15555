/**
 * What kind of place an IP address is. Names are resolved by the broker, and whoever owns a name chooses
 * what it resolves to: a sandbox must not reach the house network, this machine, or a cloud's metadata
 * service by giving one of them a public name (F32).
 *
 * - Pure. What is not plainly public is something else; what cannot be read is `reserved`.
 * - An IPv4 address that is wrapped in an IPv6 one is judged by what the wrapping is for: mapped addresses,
 *   6to4 and Teredo are never used by an honest name, NAT64 is how networks without IPv4 reach it.
 */
import { BlockList, isIP } from "node:net";

export type AddressKind =
  | "public"
  /** Of a house or a company: 10/8, 172.16/12, 192.168/16, fc00::/7. */
  | "private"
  | "loopback"
  /** 100.64/10, between a provider and its customers; also what overlay networks use. */
  | "shared"
  | "link-local"
  /** Where clouds hand out credentials to whoever asks. */
  | "metadata"
  | "multicast"
  | "unspecified"
  /** An IPv4 address in the dress of an IPv6 one. */
  | "wrapped"
  /** Everything else that nobody should be at. */
  | "reserved";

/** Most specific first: the first that holds the address says what it is. */
const KINDS: readonly (readonly [AddressKind, readonly string[]])[] = [
  [
    "metadata",
    [
      "169.254.169.254/32",
      "169.254.170.2/32",
      "169.254.170.23/32",
      "100.100.100.200/32",
      "168.63.129.16/32",
      "192.0.0.192/32",
      "fd00:ec2::254/128",
      "fd00:ec2::23/128",
      "fd20:ce::254/128",
    ],
  ],
  ["unspecified", ["0.0.0.0/8", "::/128"]],
  ["loopback", ["127.0.0.0/8", "::1/128"]],
  ["private", ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"]],
  ["shared", ["100.64.0.0/10"]],
  ["link-local", ["169.254.0.0/16", "fe80::/10"]],
  ["multicast", ["224.0.0.0/4", "ff00::/8"]],
  ["wrapped", ["::ffff:0:0/96", "::ffff:0:0:0/96", "::/96", "2002::/16", "2001::/32", "64:ff9b:1::/48"]],
  [
    "reserved",
    [
      "192.0.0.0/24",
      "192.0.2.0/24",
      "192.88.99.0/24",
      "198.18.0.0/15",
      "198.51.100.0/24",
      "203.0.113.0/24",
      "240.0.0.0/4",
      "2001::/23",
      "2001:db8::/32",
      "3fff::/20",
    ],
  ],
];

const NAT64 = "64:ff9b:0:0:0:0:";

export function addressKind(address: string): AddressKind {
  const family = isIP(address);
  if (family === 0 || address.includes("%")) return "reserved"; // a zone is link-local, or nonsense
  if (family === 4) return listed(address, 4) ?? "public";
  const words = ipv6Words(address);
  if (words.startsWith(NAT64)) return addressKind(ipv4Of(words));
  return listed(address, 6) ?? (/^[23][0-9a-f]{3}:/.test(words) ? "public" : "reserved");
}

function listed(address: string, family: 4 | 6): AddressKind | undefined {
  const type = family === 4 ? "ipv4" : "ipv6";
  return LISTS[family].find(({ list }) => list.check(address, type))?.kind;
}

/** By family: a list of both would take a mapped address for the IPv4 one in it. */
const LISTS = { 4: listsOf(4), 6: listsOf(6) } as const;

function listsOf(family: 4 | 6): { kind: AddressKind; list: BlockList }[] {
  return KINDS.map(([kind, ranges]) => {
    const list = new BlockList();
    for (const range of ranges) {
      const [network = "", bits] = range.split("/");
      if (isIP(network) === family) list.addSubnet(network, Number(bits), family === 4 ? "ipv4" : "ipv6");
    }
    return { kind, list };
  });
}

/** All eight words in lower case, without leading zeros: `64:ff9b:0:0:0:0:808:808`. */
function ipv6Words(address: string): string {
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  const [, head = "", a = 0, b = 0, c = 0, d = 0] = dotted ?? [];
  const word = (high: string | number, low: string | number) =>
    (Number(high) * 256 + Number(low)).toString(16);
  const plain = dotted ? `${head}${word(a, b)}:${word(c, d)}` : address;
  const [left = "", right] = plain.toLowerCase().split("::");
  const before = left === "" ? [] : left.split(":");
  const after = right === undefined || right === "" ? [] : right.split(":");
  const gap = right === undefined ? 0 : 8 - before.length - after.length;
  return [...before, ...Array.from({ length: gap }, () => "0"), ...after]
    .map((one) => parseInt(one, 16).toString(16))
    .join(":");
}

/** Of the last two words. */
function ipv4Of(words: string): string {
  const [high = 0, low = 0] = words
    .split(":")
    .slice(6)
    .map((word) => parseInt(word, 16));
  return [high >> 8, high & 255, low >> 8, low & 255].join(".");
}

/**
 * Whether an owner may allow what is at such an address, by name and port. The rest is never a service that a
 * person means: it is this network's own machinery.
 */
export function mayBePinned(kind: AddressKind): boolean {
  switch (kind) {
    case "public":
    case "private":
    case "loopback":
    case "shared":
      return true;
    case "link-local":
    case "metadata":
    case "multicast":
    case "unspecified":
    case "wrapped":
    case "reserved":
      return false;
    default:
      return kind satisfies never;
  }
}
