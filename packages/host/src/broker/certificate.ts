/**
 * Makes one X.509 certificate: what is in it is said here, its encoding is a library's, its signature
 * Node's. Elliptic keys (P-256) throughout: one is signed in a fraction of a millisecond.
 */
import { createHash, type KeyObject, sign } from "node:crypto";
import { isIP } from "node:net";
import { AsnConvert, OctetString } from "@peculiar/asn1-schema";
import {
  AlgorithmIdentifier,
  AttributeTypeAndValue,
  AttributeValue,
  AuthorityKeyIdentifier,
  BasicConstraints,
  Certificate,
  ExtendedKeyUsage,
  Extension,
  Extensions,
  GeneralName,
  id_ce_authorityKeyIdentifier,
  id_ce_basicConstraints,
  id_ce_extKeyUsage,
  id_ce_keyUsage,
  id_ce_subjectAltName,
  id_ce_subjectKeyIdentifier,
  id_kp_serverAuth,
  KeyIdentifier,
  KeyUsage,
  KeyUsageFlags,
  Name,
  RelativeDistinguishedName,
  SubjectAlternativeName,
  SubjectKeyIdentifier,
  SubjectPublicKeyInfo,
  TBSCertificate,
  Validity,
  Version,
} from "@peculiar/asn1-x509";

const ECDSA_WITH_SHA256 = "1.2.840.10045.4.3.2";
const COMMON_NAME = "2.5.4.3";
/** RFC 5280, 4.1.2.2: positive, at most 20 bytes. */
const SERIAL_BYTES = 16;

export interface Order {
  readonly subject: string;
  readonly publicKey: KeyObject;
  readonly issuer: { readonly name: string; readonly publicKey: KeyObject; readonly privateKey: KeyObject };
  /** The one host it is good for; none: it is an authority's own. */
  readonly host?: string | undefined;
  /** ms since 1970 */
  readonly notBefore: number;
  readonly notAfter: number;
  /** `SERIAL_BYTES` of chance. */
  readonly random: (bytes: number) => Buffer;
}

/** The certificate as PEM. */
export function certificate(order: Order): string {
  const { subject, publicKey, issuer, host, notBefore, notAfter, random } = order;
  const serial = random(SERIAL_BYTES);
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  const algorithm = new AlgorithmIdentifier({ algorithm: ECDSA_WITH_SHA256 });
  const extensions = [
    extension(id_ce_basicConstraints, basicConstraints(host), true),
    extension(
      id_ce_keyUsage,
      new KeyUsage(host === undefined ? KeyUsageFlags.keyCertSign : KeyUsageFlags.digitalSignature),
      true,
    ),
    // Of an authority too: what it signs is good for servers and for nothing else.
    extension(id_ce_extKeyUsage, new ExtendedKeyUsage([id_kp_serverAuth])),
    extension(id_ce_subjectKeyIdentifier, new SubjectKeyIdentifier(keyId(publicKey))),
    extension(
      id_ce_authorityKeyIdentifier,
      new AuthorityKeyIdentifier({ keyIdentifier: new KeyIdentifier(keyId(issuer.publicKey)) }),
    ),
    ...(host === undefined
      ? []
      : [extension(id_ce_subjectAltName, new SubjectAlternativeName([hostName(host)]))]),
  ];
  const toBeSigned = new TBSCertificate({
    version: Version.v3,
    serialNumber: bytes(serial),
    signature: algorithm,
    issuer: named(issuer.name),
    validity: new Validity({ notBefore: wholeSecond(notBefore), notAfter: wholeSecond(notAfter) }),
    subject: named(subject),
    subjectPublicKeyInfo: AsnConvert.parse(spki(publicKey), SubjectPublicKeyInfo),
    extensions: new Extensions(extensions),
  });
  const signature = sign("sha256", Buffer.from(AsnConvert.serialize(toBeSigned)), issuer.privateKey);
  const whole = new Certificate({
    tbsCertificate: toBeSigned,
    signatureAlgorithm: algorithm,
    signatureValue: bytes(signature),
  });
  return pem(Buffer.from(AsnConvert.serialize(whole)));
}

function pem(der: Buffer): string {
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n");
}

function extension(extnID: string, value: unknown, critical = false): Extension {
  return new Extension({ extnID, critical, extnValue: new OctetString(AsnConvert.serialize(value)) });
}

/** No authority below ours: a path of length 0. */
function basicConstraints(host: string | undefined): BasicConstraints {
  return host === undefined
    ? new BasicConstraints({ cA: true, pathLenConstraint: 0 })
    : new BasicConstraints();
}

function hostName(host: string): GeneralName {
  return new GeneralName(isIP(host) ? { iPAddress: host } : { dNSName: host });
}

function named(name: string): Name {
  const value = new AttributeValue({ utf8String: name });
  return new Name([new RelativeDistinguishedName([new AttributeTypeAndValue({ type: COMMON_NAME, value })])]);
}

/** The encoding of a time has no fractions. */
function wholeSecond(ms: number): Date {
  return new Date(Math.floor(ms / 1_000) * 1_000);
}

function keyId(key: KeyObject): ArrayBuffer {
  return bytes(createHash("sha256").update(spki(key)).digest().subarray(0, 20));
}

function spki(key: KeyObject): Buffer {
  return key.export({ type: "spki", format: "der" });
}

function bytes(buffer: Buffer): ArrayBuffer {
  return new Uint8Array(buffer).buffer;
}
