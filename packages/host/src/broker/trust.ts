/**
 * What the sandboxes trust: the roots of this machine and the install's own authority, as files in the
 * directory of each door. They are written once into `run/` and are the same files at every door.
 */
import { chmod, link, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { getCACertificates } from "node:tls";
import { DOOR_FILES, DOOR_URL } from "../core/door.ts";
import { hasCode } from "../core/error-code.ts";

/** Where systems keep their roots in one file: Debian and Alpine, Fedora, openSUSE. */
const SYSTEM_ROOTS = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
  "/etc/ssl/ca-bundle.pem",
];

/**
 * @param runDirectory `run/` of the home
 * @param ca PEM
 * @returns what puts the files into the directory of a door
 */
export async function openTrust(
  runDirectory: string,
  ca: string,
): Promise<(directory: string) => Promise<void>> {
  const files = {
    [DOOR_FILES.authority]: ca,
    [DOOR_FILES.roots]: `${(await systemRoots()).trimEnd()}\n${ca}`,
    [DOOR_FILES.chromium]: `${JSON.stringify(chromiumPolicy(ca), undefined, 2)}\n`,
  };
  for (const [name, text] of Object.entries(files)) {
    const path = join(runDirectory, name);
    await rm(path, { force: true }); // what an earlier host's sandboxes hold stays as it was
    await writeFile(path, text, { flag: "wx" });
    await chmod(path, 0o644); // whatever the umask: the sandboxes' users read it
  }
  return async (directory) => {
    await Promise.all(
      Object.keys(files).map((name) => link(join(runDirectory, name), join(directory, name))),
    );
  };
}

async function systemRoots(): Promise<string> {
  for (const file of SYSTEM_ROOTS) {
    try {
      return await readFile(file, "utf8");
    } catch (error) {
      if (!hasCode(error, "ENOENT")) throw error;
    }
  }
  const system = getCACertificates("system"); // slower: one by one, on the event loop
  return (system.length > 0 ? system : getCACertificates("bundled")).join("\n");
}

/**
 * What Chromium asks of its maker by itself, minutes after its start, on a failed page, and by whatever switches it was
 * started. An owner would be asked about each of them; past the broker there is no network, and they fail at once.
 */
const OF_ITS_MAKER = [
  "update.googleapis.com",
  "optimizationguide-pa.googleapis.com",
  "safebrowsing.googleapis.com",
  "safebrowsinghttpgateway.googleapis.com",
  "content-autofill.googleapis.com",
  "clients2.google.com",
  "clients4.google.com",
];

/** Chromium reads neither variables nor files of roots: policies of the machine tell it. */
function chromiumPolicy(ca: string): object {
  return {
    CACertificates: [ca.replaceAll(/-----[A-Z ]+-----|\s/g, "")],
    ProxySettings: {
      ProxyMode: "fixed_servers",
      ProxyServer: DOOR_URL,
      ProxyBypassList: ["localhost", "127.0.0.1", ...OF_ITS_MAKER].join(";"),
    },
    AlternateErrorPagesEnabled: false,
    ComponentUpdatesEnabled: false,
  };
}
