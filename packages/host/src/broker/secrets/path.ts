/**
 * Whether a request's path lies below a prefix, however whoever serves it may read it.
 *
 * Servers differ: some decode `%2e` before they resolve `..`, some twice, some take `\` for `/`, drop what
 * follows a `;`, or begin anew at a `//`. A path is sent as it came, so it has to begin with the prefix as it
 * stands, and nothing in it may lead upwards by any of these readings. Programs that mean no harm resolve
 * `..` themselves before they ask.
 */

/** How often a server and the gateways before it might decode. */
const DECODED_AT_MOST = 4;
/** `.`, `..` and their kin: some systems drop dots and spaces at the end of a name. */
const LEADS_ELSEWHERE = /^\.[. ]*$/;

/** What a prefix may be: plain, so that it reads the same in every way. */
export const PLAIN_PREFIX = /^\/$|^(\/[A-Za-z0-9_~!$&'()*+,=:@-][A-Za-z0-9._~!$&'()*+,=:@-]*)+\/?$/;

/** @param target as it stands in the request: a path, with or without a query */
export function liesBelow(target: string, prefix: string): boolean {
  const [path = ""] = target.split("?", 1);
  if (!/^\/[\x21\x22\x24-\x7e]*$/.test(path)) return false; // no path at all, or a `#` in it
  if (prefix === "/") return true;
  const plain = prefix.replace(/\/$/, "");
  return (path === plain || path.startsWith(`${plain}/`)) && staysBelow(path);
}

function staysBelow(path: string): boolean {
  let read = path;
  for (let times = 0; times <= DECODED_AT_MOST; times++) {
    // %c0 and %c1 begin no character: they are only ever a disguise. %u is Microsoft's.
    // oxlint-disable-next-line no-control-regex -- these are what is looked for
    if (/[\x00-\x1f\x7f\xc0\xc1]|%u[0-9a-f]{4}/i.test(read)) return false;
    const names = read.split(/[/\\?#]/).map((name) => name.split(";", 1)[0] ?? "");
    if (names.some((name) => LEADS_ELSEWHERE.test(name))) return false;
    const next = decodedOnce(read);
    if (next === read) return true;
    read = next;
  }
  return false;
}

/** By bytes: what the characters are does not matter. */
function decodedOnce(path: string): string {
  return path.replaceAll(/%([0-9a-f]{2})/gi, (_, byte: string) => String.fromCharCode(parseInt(byte, 16)));
}
