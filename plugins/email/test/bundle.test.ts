/**
 * The plugin as it ships, in a bundle in which much of what its libraries need is loaded with the first mail: mails of all
 * charsets and encodings are read as they are from the sources.
 */
import type { Inbound, MakePlugin } from "@bellhop/sdk";
import { createChanges } from "@bellhop/sdk/testing";
import { mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { rolldown } from "rolldown";
import { expect, it, onTestFinished } from "vitest";
import { bundlePlugin } from "../../../scripts/bundle-plugin.mjs";
import { withoutDovecot } from "./servers/dovecot.ts";
import { openServers } from "./servers/peer.ts";

const PLUGIN = fileURLToPath(new URL("..", import.meta.url));
const MODULES = fileURLToPath(new URL("../../../node_modules", import.meta.url));
const QUIET = { debug() {}, info() {}, warn() {}, error() {} };
const why = withoutDovecot();

/** Headers of the text, its body as it is sent, and what is read of both. */
const MAILS = [
  {
    // Japanese, as its mail programs write it.
    head: [
      "Subject: =?ISO-2022-JP?B?GyRCJDMkcyRLJEEkTxsoQg==?=",
      "Content-Type: text/plain; charset=iso-2022-jp",
    ],
    body: "\x1b$B$3$s$K$A$O\x1b(B",
    read: "こんにちは\n\nこんにちは",
  },
  {
    head: [
      "Subject: two",
      "Content-Type: text/plain; charset=shift_jis",
      "Content-Transfer-Encoding: quoted-printable",
    ],
    body: "=82=B1=82=F1=82=C9=82=BF=82=CD",
    read: "two\n\nこんにちは",
  },
  {
    // Russian, in one paragraph that is folded for the way (RFC 3676).
    head: [
      "Subject: =?koi8-r?Q?=F0=D2=C9=D7=C5=D4?=",
      "Content-Type: text/plain; charset=koi8-r; format=flowed",
      "Content-Transfer-Encoding: base64",
    ],
    body: Buffer.from("\xf0\xd2\xc9\xd7\xc5\xd4 \r\n\xcd\xc9\xd2", "latin1").toString("base64"),
    read: "Привет\n\nПривет мир",
  },
];

async function givenBundle(): Promise<{ readonly make: MakePlugin; readonly data: string }> {
  const folder = await mkdtemp(join(tmpdir(), "bellhop-email-bundle-"));
  onTestFinished(async () => await rm(folder, { recursive: true }));
  await symlink(MODULES, join(folder, "node_modules"));
  await bundlePlugin(rolldown, PLUGIN, join(folder, "bundle"));
  const { href } = pathToFileURL(join(folder, "bundle", "index.js"));
  const { default: make } = (await import(/* @vite-ignore */ href)) as { default: MakePlugin };
  const data = join(folder, "data");
  await mkdir(data);
  return { make, data };
}

it.skipIf(why !== undefined)(
  `reads mails of any charset with what it loads late${why === undefined ? "" : ` (${why})`}`,
  async () => {
    const servers = await openServers();
    onTestFinished(servers.close);
    const peer = await servers.peer();
    onTestFinished(peer.close);
    const { make, data } = await givenBundle();
    const stop = new AbortController();
    onTestFinished(() => stop.abort(new Error("the test is over")));
    const { channels } = await make({
      settings: { trust: "anyone" },
      environment: {
        EMAIL_ADDRESS: peer.address,
        EMAIL_PASSWORD: peer.password,
        EMAIL_IMAP: `imap://127.0.0.1:${peer.ports.imap}`,
        EMAIL_SMTP: `smtp://127.0.0.1:${peer.ports.smtp}`,
      },
      folder: data,
      log: QUIET,
      signal: stop.signal,
    } as unknown as Parameters<MakePlugin>[0]); // the rest of what a plugin is given is asked for by nobody here
    const changes = createChanges();
    const heard: Inbound[] = [];
    const accept = async (inbound: Inbound) => {
      heard.push(inbound);
      changes.note();
    };
    const over = channels?.[0]?.listen?.(undefined, accept, stop.signal)?.catch(() => undefined);

    for (const { head, body } of MAILS) {
      const whole = ["From: Ann <ann@example.org>", `To: ${peer.address}`, ...head, "", body, ""];
      await peer.deliver(Buffer.from(whole.join("\r\n"), "latin1"));
    }
    const texts = await changes.until(() =>
      heard.length < MAILS.length ? undefined : heard.map(({ text }) => text),
    );

    expect(texts.toSorted()).toEqual(MAILS.map(({ read }) => read).toSorted());
    stop.abort(new Error("enough was read"));
    await over;
  },
);
