/**
 * The install's own certificate authority, which the sandboxes of this install trust and nobody else does.
 *
 * - It is made once and kept in the home as one file, key and certificate together, 0600: a crash while
 *   it is written leaves none, or a whole one (F24).
 * - It is good for servers only, has no authority below it, and is made anew in the last year of its life.
 *   It is not limited to names: which hosts its owner binds secrets to is not known when it is made.
 * - A host's certificate is made when it is first asked for, and kept in memory only. The clock may jump:
 *   one that does not hold now is made again.
 */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  type KeyObject,
  X509Certificate,
} from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { isIP } from "node:net";
import { join } from "node:path";
import { createSecureContext, type SecureContext } from "node:tls";
import { promisify } from "node:util";
import { ConfigError, RejectedError } from "@bellhop/sdk";
import type { Clock } from "../core/clock.ts";
import { hasCode } from "../core/error-code.ts";
import { writeDurably } from "../home.ts";

export interface Certificates {
  /** PEM: what sandboxes trust. */
  readonly ca: string;
  /**
   * For a TLS server that answers as this host, a name or an address.
   * @throws RejectedError for what is no host
   */
  contextFor(host: string): Promise<SecureContext>;
}

export interface CertificatesParts {
  /** Absolute; `ca/` of the home. Made where it is missing. */
  readonly directory: string;
  readonly clock: Clock;
  readonly random: (bytes: number) => Buffer;
}

const NAME = "Bellhop, this install only";
const DAY_MS = 24 * 60 * 60_000;
const AUTHORITY_DAYS = 5 * 365;
/** A host that runs for a year without a restart still has one that holds. */
const RENEW_DAYS = 365;
const HOST_DAYS = 30;
/** For clocks that go behind ours. */
const EARLIER_MS = DAY_MS;
/** Some 10 KiB each. */
const MOST_HOSTS = 256;

interface Authority {
  readonly certificate: string;
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
  readonly notAfter: number;
}

interface Issued {
  readonly from: number;
  readonly until: number;
  readonly context: Promise<SecureContext>;
}

/** @throws ConfigError where what is kept cannot be read or is not ours */
export async function openCertificates({
  directory,
  clock,
  random,
}: CertificatesParts): Promise<Certificates> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const file = join(directory, "authority.pem");
  const kept = await read(file);
  const now = clock.now();
  const holds = kept && kept.notAfter - now > RENEW_DAYS * DAY_MS;
  const authority = holds ? kept : await make(file, now, random);
  const key = await keyPair();
  const issued = new Map<string, Issued>();

  async function issue(host: string, from: number, until: number): Promise<SecureContext> {
    const { certificate } = await import("./certificate.ts"); // its library is not wanted before
    const own = certificate({
      subject: "Bellhop",
      publicKey: key.publicKey,
      issuer: { name: NAME, ...authority },
      host,
      notBefore: from,
      notAfter: until,
      random,
    });
    return createSecureContext({
      cert: own + authority.certificate,
      key: key.privateKey.export({ type: "pkcs8", format: "pem" }),
      minVersion: "TLSv1.2",
    });
  }

  return {
    ca: authority.certificate,
    async contextFor(asked) {
      const host = hostOf(asked);
      const now = clock.now();
      const known = issued.get(host);
      issued.delete(host); // to come last: who was asked for longest ago leaves first
      const good = known && known.from <= now && now + DAY_MS < known.until;
      const from = now - EARLIER_MS;
      const until = Math.min(now + HOST_DAYS * DAY_MS, authority.notAfter);
      const one = good ? known : { from, until, context: issue(host, from, until) };
      issued.set(host, one);
      const [oldest] = issued.keys();
      if (oldest !== undefined && issued.size > MOST_HOSTS) issued.delete(oldest);
      return await one.context.catch((error: unknown) => {
        issued.delete(host);
        throw error;
      });
    },
  };
}

async function read(file: string): Promise<Authority | undefined> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw unusable(file, error);
  }
  try {
    const certificate = new X509Certificate(text);
    const privateKey = createPrivateKey(text);
    if (!certificate.checkPrivateKey(privateKey) || !certificate.ca)
      throw new Error("its halves do not match");
    return {
      certificate: certificate.toString(),
      publicKey: certificate.publicKey,
      privateKey,
      notAfter: certificate.validToDate.getTime(),
    };
  } catch (error) {
    throw unusable(file, error);
  }
}

async function make(file: string, now: number, random: (bytes: number) => Buffer): Promise<Authority> {
  const { certificate } = await import("./certificate.ts");
  const { publicKey, privateKey } = await keyPair();
  const notAfter = now + AUTHORITY_DAYS * DAY_MS;
  const own = certificate({
    subject: NAME,
    publicKey,
    issuer: { name: NAME, publicKey, privateKey },
    notBefore: now - EARLIER_MS,
    notAfter,
    random,
  });
  await writeDurably(file, `${privateKey.export({ type: "pkcs8", format: "pem" }).toString()}${own}`);
  return { certificate: own, publicKey: createPublicKey(own), privateKey, notAfter };
}

async function keyPair(): Promise<{ publicKey: KeyObject; privateKey: KeyObject }> {
  return await promisify(generateKeyPair)("ec", { namedCurve: "P-256" });
}

function unusable(file: string, cause: unknown): ConfigError {
  const problem = cause instanceof Error ? cause.message : String(cause);
  return new ConfigError(
    `${file}, which vouches for hosts inside the sandboxes, cannot be used (${problem}). Remove it, and a new one is made at the next start.`,
    { cause },
  );
}

/** @throws RejectedError */
function hostOf(asked: string): string {
  const host = asked
    .toLowerCase()
    .replace(/\.$/, "")
    .replace(/^\[(.*)\]$/, "$1");
  const label = "[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?";
  if (host.length <= 253 && (isIP(host) || new RegExp(`^${label}(\\.${label})*$`).test(host))) return host;
  throw new RejectedError(`${JSON.stringify(asked.slice(0, 100))} is no host name`);
}
