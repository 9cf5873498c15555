/**
 * Names of files and folders in which secrets are kept, by habit of the programs that keep them.
 *
 * - A name is met as a whole part of a path, or as a dotted variant of it: `.env` is met by `.env.local` and
 *   `prod.env`, `credentials` by `.credentials.json`, `id_rsa` by `id_rsa.pub`; but not by `env`,
 *   `.environment` or `mycredentials`. Capital letters make no difference, nor does the `~` of a backup.
 * - It is a guess by name, which is all that can be known without reading: what it does not meet may be a
 *   secret all the same.
 */

export const SECRET_NAMES: readonly string[] = [
  ".ssh",
  ".ssh-agent",
  ".gnupg",
  ".gpg",
  ".aws",
  ".azure",
  ".gcloud",
  ".kube",
  ".docker",
  ".env",
  ".netrc",
  "_netrc",
  ".npmrc",
  ".pypirc",
  ".pgpass",
  ".git-credentials",
  ".password-store",
  ".vault-token",
  ".secret",
  ".secrets",
  "id_rsa",
  "id_dsa",
  "id_ecdsa",
  "id_ecdsa_sk",
  "id_ed25519",
  "id_ed25519_sk",
  "credentials",
  "application_default_credentials",
  "private_key",
  "token.json",
  "secrets.json",
];

/** Files that show how the real one is to be written, and the text of programs that deal with such files. */
const HARMLESS =
  /(\.(example|sample|template|dist)|^[^.].*\.([cm]?[jt]sx?|py|go|rs|rb|java|kt|swift|php|cs|c|cc|cpp|h|hpp|css|html|md|rst))$/i;

/** Finds in a path, or in a part of one, which of the names it meets. */
export type NameFinder = (path: string) => string | undefined;

/** To be made once for many paths: what meets none of the names is told by one look. */
export function nameFinder(names: readonly string[]): NameFinder {
  const wanted = names.map((name) => name.normalize("NFC").toLowerCase()).filter((name) => name !== "");
  if (wanted.length === 0) return () => undefined;
  const likely = new RegExp(
    wanted.map((name) => name.replaceAll(/[\\^$.*+?()[\]{}|/]/g, "\\$&")).join("|"),
    "iu",
  );
  return (path) => {
    if (!likely.test(path.normalize("NFC"))) return undefined;
    for (const part of path.split("/")) {
      const met = wanted.find((name) => meets(part, name));
      if (met !== undefined) return met;
    }
    return undefined;
  };
}

/** Which of those above the path meets, or undefined. */
export const secretIn = nameFinder(SECRET_NAMES);

/** Whether a file in a folder is named so that it need not hold a secret: `.env.example`, `credentials.py`. */
export function isHarmless(name: string): boolean {
  return HARMLESS.test(name);
}

/** @param wanted in lower case */
function meets(part: string, wanted: string): boolean {
  const whole = part.normalize("NFC").toLowerCase().replace(/~+$/, "");
  for (let at = whole.indexOf(wanted); at >= 0; at = whole.indexOf(wanted, at + 1)) {
    const begins = at === 0 || wanted.startsWith(".") || whole[at - 1] === ".";
    const end = at + wanted.length;
    if (begins && (end === whole.length || whole[end] === ".")) return true;
  }
  return false;
}
