import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addressKind, mayBePinned, type AddressKind } from "../address.ts";

const KNOWN: Readonly<Record<AddressKind, readonly string[]>> = {
  public: ["1.1.1.1", "8.8.8.8", "93.184.216.34", "172.15.255.255", "172.32.0.0", "100.63.255.255"].concat([
    "100.128.0.0",
    "192.167.255.255",
    "192.169.0.0",
    "11.0.0.0",
    "9.255.255.255",
    "223.255.255.255",
    "2606:4700:4700::1111",
    "2001:4860:4860::8888",
    "2a00:1450:4001::200e",
    // NAT64 of a public one: how a network without IPv4 reaches it.
    "64:ff9b::8.8.8.8",
    "64:ff9b::808:808",
  ]),
  private: [
    "10.0.0.1",
    "10.255.255.255",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "fc00::1",
    "fd12:3456:789a::1",
    "64:ff9b::192.168.1.1",
  ],
  loopback: ["127.0.0.1", "127.255.255.254", "::1", "0:0:0:0:0:0:0:1", "64:ff9b::7f00:1"],
  shared: ["100.64.0.1", "100.127.255.255"],
  "link-local": ["169.254.0.1", "169.254.169.253", "fe80::1", "febf::1"],
  metadata: ["169.254.169.254", "169.254.170.2", "100.100.100.200", "168.63.129.16", "fd00:ec2::254"].concat([
    "64:ff9b::169.254.169.254",
    "64:ff9b::a9fe:a9fe",
  ]),
  multicast: ["224.0.0.1", "239.255.255.250", "ff02::1"],
  unspecified: ["0.0.0.0", "0.1.2.3", "::", "0:0:0:0:0:0:0:0"],
  wrapped: [
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::ffff:a00:1",
    "::ffff:0:8.8.8.8",
    "::127.0.0.1",
    "2002:7f00:1::",
    "2002:808:808::1",
    "2001:0:4136:e378::1",
    "64:ff9b:1::8.8.8.8",
  ],
  reserved: [
    "192.0.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.9",
    "240.0.0.1",
    "255.255.255.255",
    "192.88.99.1",
    "2001:db8::1",
    "3fff::1",
    "100::1",
    "4000::1",
    "fec0::1",
    "fe80::1%eth0",
    "",
    "localhost",
    "127.1",
    "0x7f000001",
    "2130706433",
    "1.2.3.4.5",
  ],
};

describe("the kind of an address", () => {
  it.each(Object.entries(KNOWN).flatMap(([kind, all]) => all.map((address) => ({ address, kind }))))(
    "says of $address that it is $kind (F32)",
    ({ address, kind }) => {
      expect(addressKind(address)).toBe(kind);
    },
  );

  it("is public for no IPv4 address in the dress of another family, but NAT64's of a public one", () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        expect(addressKind(`::ffff:${address}`)).toBe("wrapped");
        expect(addressKind(`64:ff9b::${address}`)).toBe(addressKind(address));
      }),
    );
  });

  it("never throws, and is public for nothing that is no address", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.ipV6(), fc.domain()), (text) => {
        const kind = addressKind(text);
        expect(kind !== "public" || /^[\d.]+$|^[0-9a-f:.]+$/i.test(text)).toBe(true);
      }),
    );
  });

  it("leaves to an owner what may be a service of theirs, and to nobody what is the network's own", () => {
    const all = Object.entries(KNOWN).flatMap(([, addresses]) => addresses.map(addressKind));

    expect(new Set(all.filter(mayBePinned))).toEqual(new Set(["public", "private", "loopback", "shared"]));
  });
});
