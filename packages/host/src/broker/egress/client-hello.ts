/**
 * The first bytes that a program sends over a connection it asked for: what it speaks, and in TLS, whom it
 * means to speak with. Pure; the bytes are an attacker's, so nothing here trusts a length.
 *
 * A name that is encrypted (ECH) is not seen, but the one in front of it is, and has to be the host that was asked for.
 */

export type Opening =
  /** It could still become something. */
  | { readonly kind: "more" }
  /** `name` is undefined where none was sent, as for an address. */
  | { readonly kind: "tls"; readonly name: string | undefined }
  | { readonly kind: "http" }
  | { readonly kind: "other" };

/** No honest ClientHello is longer, with post-quantum keys and all. */
export const LONGEST_OPENING = 16 * 1024;

const MORE: Opening = { kind: "more" };
const OTHER: Opening = { kind: "other" };

export function readOpening(bytes: Buffer): Opening {
  if (bytes.length === 0) return MORE;
  if (bytes.length > LONGEST_OPENING) return OTHER;
  return bytes[0] === 0x16 ? readTls(bytes) : readHttp(bytes);
}

function readHttp(bytes: Buffer): Opening {
  const line = bytes.subarray(0, 32).toString("latin1");
  if (/^[A-Z][A-Z-]{2,19} \S/.test(line)) return { kind: "http" };
  return /^[A-Z][A-Z-]{0,19} ?$/.test(line) ? MORE : OTHER;
}

/** Reads within bounds; `undefined` once it would leave them. */
function reader(bytes: Buffer) {
  let at = 0;
  return {
    number(size: 1 | 2 | 3): number | undefined {
      if (at + size > bytes.length) return undefined;
      at += size;
      return bytes.readUIntBE(at - size, size);
    },
    take(size: number | undefined): Buffer | undefined {
      if (size === undefined || at + size > bytes.length) return undefined;
      at += size;
      return bytes.subarray(at - size, at);
    },
    done: () => at === bytes.length,
  };
}

/** The handshake message may be cut into records anywhere; what comes behind it is not looked at. */
function readTls(bytes: Buffer): Opening {
  const records = reader(bytes);
  let message: Buffer = Buffer.alloc(0);
  for (;;) {
    const length = message.length < 4 ? undefined : message.readUIntBE(1, 3);
    if (message.length > 0 && message[0] !== 1) return OTHER;
    if (length !== undefined && length > LONGEST_OPENING) return OTHER;
    if (length !== undefined && message.length > 4 + length) return OTHER;
    if (length !== undefined && message.length === 4 + length) return readHello(message.subarray(4));
    const type = records.number(1);
    if (type === undefined) return MORE;
    const version = records.number(2);
    if (type !== 0x16 || (version !== undefined && version >> 8 !== 3)) return OTHER;
    const size = records.number(2);
    if (size !== undefined && (size === 0 || size > 16_384)) return OTHER;
    const record = records.take(size);
    if (record === undefined) return MORE;
    message = Buffer.concat([message, record]);
  }
}

function readHello(hello: Buffer): Opening {
  const fields = reader(hello);
  const sized = (size: 1 | 2) => fields.take(fields.number(size));
  const head = [fields.take(2 + 32), sized(1), sized(2), sized(1)]; // version and random, session, ciphers, compression
  if (head.includes(undefined)) return OTHER;
  if (fields.done()) return { kind: "tls", name: undefined };
  const all = sized(2);
  if (all === undefined || !fields.done()) return OTHER;
  const extensions = reader(all);
  let name: string | undefined;
  while (!extensions.done()) {
    const type = extensions.number(2);
    const content = extensions.take(extensions.number(2));
    if (type === undefined || content === undefined) return OTHER;
    if (type !== 0) continue;
    const found = readName(content);
    if (found === undefined || name !== undefined) return OTHER; // two names: who knows which one counts
    name = found;
  }
  return { kind: "tls", name };
}

/** A list of exactly one host name; nobody sends anything else. */
function readName(content: Buffer): string | undefined {
  const list = reader(content);
  if (list.number(2) !== content.length - 2 || list.number(1) !== 0) return undefined;
  const name = list.take(list.number(2));
  return name && list.done() && /^[\x21-\x7e]+$/.test(name.toString("latin1"))
    ? name.toString("latin1").toLowerCase()
    : undefined;
}
