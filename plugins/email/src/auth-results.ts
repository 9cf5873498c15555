/**
 * What the server that took a mail found out about its sender (Authentication-Results, RFC 8601).
 *
 * Anybody can write such a header into a mail. Believed is one alone: the topmost of those that bear the name of the
 * account's own server, for a server adds its own above all that came. A header that does not hold to the grammar
 * says nothing.
 */
const RESULT = /^([a-z0-9_-]+)(?:\s*\/\s*\d+)?\s*=\s*([a-z]+)$/;
const PROPERTY = /^([a-z0-9_-]+)\s*\.\s*([a-z0-9_-]+)\s*=\s*(.+)$/;
/** Headers are long, and no honest one is longer. */
const MOST_LENGTH = 16_384;

export interface MethodResult {
  readonly method: string;
  readonly result: string;
  /** By `header.from`, `smtp.mailfrom`, … in small letters. */
  readonly properties: Readonly<Record<string, string>>;
}

export interface AuthResults {
  /** The name of the server that says so, in small letters. */
  readonly by: string;
  readonly results: readonly MethodResult[];
}

/** @returns undefined for what does not hold to the grammar */
export function parseAuthResults(value: string): AuthResults | undefined {
  if (value.length > MOST_LENGTH) return undefined;
  const parts = partsOf(value);
  const [head = "", ...rest] = parts ?? [];
  const [by, version, ...more] = head.split(/\s+/).filter(Boolean);
  if (by === undefined || more.length > 0 || !/^[^\s=]+$/.test(by)) return undefined;
  if (version !== undefined && version !== "1") return undefined;
  const results: MethodResult[] = [];
  for (const part of rest) {
    if (part === "" || part.toLowerCase() === "none") continue;
    const one = methodResult(part);
    if (!one) return undefined;
    results.push(one);
  }
  return { by: by.toLowerCase(), results };
}

/**
 * Whether the server proves that a mail is from that domain.
 * @param headers values of all Authentication-Results of the mail, the topmost first
 * @param by the name under which the account's own server writes them
 * @param domain of the address in From, in small letters
 */
export function provesDomain(headers: readonly string[], by: string, domain: string): boolean {
  const own = headers.map(parseAuthResults).find((one) => one?.by === by.toLowerCase());
  if (!own) return false;
  const dmarc = own.results.filter(({ method }) => method === "dmarc");
  if (dmarc.some(({ result }) => !["pass", "none"].includes(result))) return false;
  return own.results.some(({ method, result, properties }) => {
    if (result !== "pass") return false;
    switch (method) {
      case "dmarc":
        return properties["header.from"] === domain;
      case "dkim":
        return (properties["header.d"] ?? afterAt(properties["header.i"])) === domain;
      case "spf":
        return afterAt(properties["smtp.mailfrom"]) === domain;
      default:
        return false;
    }
  });
}

/** `a@b` and `@b` are of `b`; `b` is itself. */
function afterAt(address: string | undefined): string | undefined {
  return address?.slice(address.lastIndexOf("@") + 1);
}

/** Between semicolons, without comments; what was in quotes keeps its spaces. Undefined where one of them is not closed. */
function partsOf(value: string): string[] | undefined {
  const parts = [""];
  let depth = 0;
  let quoted = false;
  for (let at = 0; at < value.length; at += 1) {
    const escaped = value[at] === "\\" && (quoted || depth > 0);
    const char = value[escaped ? (at += 1) : at] ?? "";
    if (escaped && depth > 0) continue;
    if (!escaped && char === '"' && depth === 0) quoted = !quoted;
    else if (quoted) add(parts, char === ";" || char === "\n" ? " " : char);
    else if (char === "(") depth += 1;
    else if (char === ")" && depth > 0) depth -= 1;
    else if (depth > 0) continue;
    else if (char === ";") parts.push("");
    else add(parts, char);
  }
  return quoted || depth > 0 ? undefined : parts.map((part) => part.trim());
}

function add(parts: string[], text: string): void {
  parts[parts.length - 1] += text;
}

function methodResult(part: string): MethodResult | undefined {
  // A reason may hold spaces and tells nothing that is acted on, so only what stands by the grammar is looked for.
  const [first = "", ...words] = part
    .toLowerCase()
    .replace(/\s*([=./])\s*/g, "$1")
    .split(/\s+/);
  const [, method, result] = RESULT.exec(first) ?? [];
  if (method === undefined || result === undefined) return undefined;
  const properties: Record<string, string> = Object.create(null) as Record<string, string>; // names come from outside
  for (const word of words) {
    const [, type, name, value] = PROPERTY.exec(word) ?? [];
    // The first counts: what stands behind it may be what a sender got into it.
    if (type !== undefined && name !== undefined && value !== undefined)
      properties[`${type}.${name}`] ??= value;
  }
  return { method, result, properties };
}
