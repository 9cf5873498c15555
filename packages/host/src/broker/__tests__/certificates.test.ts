import { randomBytes, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { connect, createServer, type PeerCertificate } from "node:tls";
import { describe, expect, it, onTestFinished } from "vitest";
import { ConfigError, RejectedError } from "@bellhop/sdk";
import { systemClock } from "../../core/clock.ts";
import { fakeClock } from "../../core/testing.ts";
import { type Certificates, openCertificates } from "../certificates.ts";
import { temporaryDirectory } from "./given.ts";

const DAY = 24 * 60 * 60_000;

async function given(clock = systemClock) {
  const directory = join(await temporaryDirectory(), "ca");
  const open = () => openCertificates({ directory, clock, random: randomBytes });
  return { directory, open, file: join(directory, "authority.pem") };
}

/** What a client that trusts only this authority sees of a server that answers as `host`. */
async function seen(certificates: Certificates, host: string): Promise<PeerCertificate> {
  const context = await certificates.contextFor(host);
  const answering = createServer({ SNICallback: (_name, done) => done(null, context) }, (socket) =>
    socket.end(),
  );
  answering.listen(0, "127.0.0.1");
  await once(answering, "listening");
  onTestFinished(() => void answering.close());
  // oxlint-disable-next-line no-unsafe-type-assertion -- it listens on TCP
  const { port } = answering.address() as AddressInfo;
  const client = connect({ port, host: "127.0.0.1", servername: host, ca: certificates.ca });
  await once(client, "secureConnect");
  const certificate = client.getPeerCertificate();
  client.destroy();
  return certificate;
}

describe("the install's authority", () => {
  it("is made once, kept for nobody else to read, and the same after a restart", async () => {
    const { open, file, directory } = await given();

    const first = await open();
    const second = await open();

    expect(second.ca).toBe(first.ca);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
    expect(first.ca).not.toContain("PRIVATE");
    const { ca, validToDate } = new X509Certificate(first.ca);
    expect(ca).toBe(true);
    expect(validToDate.getTime() - Date.now()).toBeGreaterThan(4 * 365 * DAY);
  });

  it("is made anew in the last year of its life, and not before", async () => {
    const clock = fakeClock();
    const { open } = await given(clock);
    const first = await open();

    clock.advance(3.9 * 365 * DAY);
    expect((await open()).ca).toBe(first.ca);
    clock.advance(0.2 * 365 * DAY);
    expect((await open()).ca).not.toBe(first.ca);
  });

  it("that cannot be used is never replaced silently: its owner is told what to do", async () => {
    const { open, file, directory } = await given();
    await mkdir(directory);

    await writeFile(file, "half of i");
    await expect(open()).rejects.toThrow(ConfigError);
    await expect(open()).rejects.toThrow(/Remove it, and a new one is made/);

    expect(await readFile(file, "utf8")).toBe("half of i");
  });
});

describe("a host's certificate", () => {
  it("is good for that host alone, and holds by the clock", async () => {
    const { open } = await given();
    const certificates = await open();

    const certificate = await seen(certificates, "api.github.com");

    expect(certificate.subjectaltname).toBe("DNS:api.github.com");
    expect(Date.parse(certificate.valid_from)).toBeLessThan(Date.now());
    expect(Date.parse(certificate.valid_to)).toBeGreaterThan(Date.now() + 20 * DAY);
    await expect(certificates.contextFor("API.GitHub.com.")).resolves.toBe(
      await certificates.contextFor("api.github.com"),
    );
  });

  it("is made again when it does not hold any more, whichever way the clock went", async () => {
    const clock = fakeClock();
    const { open } = await given(clock);
    const certificates = await open();
    const first = await certificates.contextFor("a.example");
    expect(await certificates.contextFor("a.example")).toBe(first);

    clock.advance(40 * DAY);
    const second = await certificates.contextFor("a.example");

    expect(second).not.toBe(first);
  });

  it("is forgotten when hundreds of others were asked for since", async () => {
    const { open } = await given();
    const certificates = await open();
    const first = await certificates.contextFor("a.example");
    const asked = await certificates.contextFor("b.example");

    for (let i = 0; i < 255; i++) {
      await certificates.contextFor(`h${i}.example`);
      expect(await certificates.contextFor("b.example")).toBe(asked);
    }

    expect(await certificates.contextFor("a.example")).not.toBe(first);
  });

  it.each(["", "a b", "a/b", "*.example", "a..b", "x".repeat(300), "a\0b", "-a.example"])(
    "is not made for %j",
    async (host) => {
      const { open } = await given();

      await expect((await open()).contextFor(host)).rejects.toThrow(RejectedError);
    },
  );
});
