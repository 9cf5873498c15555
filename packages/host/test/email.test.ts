/** E-mail as people have it: the plugin that ships, in a process of its own, with a real Dovecot and a real SMTP server. */
import { untilBy } from "@bellhop/sdk/testing";
import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { CLIENT_ID, CLIENT_SECRET, openAuthority } from "../../../plugins/email/test/servers/authority.ts";
import { withoutDovecot } from "../../../plugins/email/test/servers/dovecot.ts";
import { AUTHSERV_ID, composed, openServers } from "../../../plugins/email/test/servers/peer.ts";
import { homePaths } from "../src/config.ts";
import type { ConnectStep } from "../src/core/connect.ts";
import { givenHost } from "./journey.ts";
import { setUpShipped } from "./shipped.ts";
import { notShown } from "./shown.ts";

const ANN = "ann@people.example";
const why = withoutDovecot();

/** A host with a mailbox, whose owner is Ann; her mails are of the group `main`. */
async function givenMailbox({ connected = true } = {}) {
  const authority = await openAuthority({ grant: "code" });
  onTestFinished(authority.close);
  const servers = await openServers(undefined, authority);
  onTestFinished(servers.close);
  const peer = await servers.peer();
  onTestFinished(peer.close);
  const journey = await givenHost({
    config: `owners: ["email:${ANN}"]
groups:
  main:
    chats: ["email:${ANN}"]
`,
  });
  const variables = {
    EMAIL_ADDRESS: peer.address,
    EMAIL_PASSWORD: peer.password,
    EMAIL_IMAP: `imap://127.0.0.1:${peer.ports.imap}`,
    EMAIL_SMTP: `smtp://127.0.0.1:${peer.ports.smtp}`,
    EMAIL_AUTHSERV_ID: AUTHSERV_ID,
  };
  const { name, ...provider } = authority.provider;
  const known = { ...provider, imap: variables.EMAIL_IMAP, smtp: variables.EMAIL_SMTP };
  await setUpShipped(
    journey.home,
    "email",
    connected
      ? { variables }
      : { settings: z.record(z.string(), z.json()).parse({ providers: { [name]: known } }) },
  );

  /** @returns its Message-ID */
  async function writes(mail: Parameters<typeof composed>[0], proven = true): Promise<string> {
    const messageId = `<${randomUUID()}@people.example>`;
    const built = await composed({ from: ANN, to: peer.address, messageId, ...mail });
    const proof = proven
      ? `Authentication-Results: ${AUTHSERV_ID}; dmarc=pass header.from=people.example\r\n`
      : "";
    await peer.deliver(Buffer.concat([Buffer.from(proof), built]));
    return messageId;
  }

  /** Resolves with the first mail of ours that fits. */
  async function shows(fits: (text: string) => boolean) {
    const find = () => peer.taken.find(({ mail }) => fits(mail.text ?? ""));
    const seen = () => peer.taken.map(({ mail }) => mail.text ?? "");
    return await untilBy(peer.changed)(find).catch(notShown(fits, seen, journey));
  }
  return { journey, peer, authority, writes, shows };
}

it.skipIf(why !== undefined)(
  `a photo comes in, a file goes out, both in the thread of their mail, and who is not proved to be Ann is not answered${why === undefined ? "" : ` (${why})`}`,
  async () => {
    const { journey, peer, writes, shows } = await givenMailbox();

    await writes({ subject: "Let me in", text: "say: to a stranger" }, false);
    const photo = Buffer.from("all that is seen of it");
    const asked = await writes({
      subject: "The photo",
      text: "run: cat /workspace/media/*photo.jpg",
      attachments: [{ filename: "photo.jpg", contentType: "image/jpeg", content: photo }],
    });
    const seen = await shows((text) => text.includes("all that is seen of it"));
    expect(seen.to).toEqual([ANN]);
    expect(seen.mail).toMatchObject({ subject: "Re: The photo", inReplyTo: asked });

    await writes({
      subject: "Re: The photo",
      inReplyTo: seen.mail.messageId,
      references: [asked, String(seen.mail.messageId)],
      text: 'run: echo carried back > back.txt\ntool: send_file {"path": "back.txt", "caption": "here"}\n\nOn 27 Nov 2026 Bell <bell@test.example> wrote:\n> all that is seen of it',
    });
    const { mail } = await shows((text) => text.trim() === "here");
    expect(mail.subject).toBe("Re: The photo");
    expect(mail.attachments.map(({ filename, content }) => [filename, content.toString()])).toEqual([
      ["back.txt", "carried back\n"],
    ]);

    expect(peer.taken.filter(({ mail: { text } }) => text?.includes("stranger"))).toEqual([]);
    const log = await readFile(homePaths(journey.home).log, "utf8");
    expect(log).not.toContain(peer.password);
    expect(log).toContain("EMAIL_AUTHSERV_ID");
  },
  180_000,
);

it.skipIf(why !== undefined)(
  `it signs in, is answered, and answered again after its plugin was killed, with a provider that takes back each refresh token${why === undefined ? "" : ` (${why})`}`,
  async () => {
    const { journey, peer, authority, writes, shows } = await givenMailbox({ connected: false });
    const { channels } = journey.client;
    const paths = homePaths(journey.home);
    await expect
      .poll(async () => (await channels.list()).connectable, { timeout: 20_000 })
      .toContain("email");
    const answers: Readonly<Record<string, (text: string) => string>> = {
      EMAIL_ADDRESS: () => peer.address,
      EMAIL_SIGN_IN: () => "",
      EMAIL_CLIENT_ID: () => CLIENT_ID,
      EMAIL_CLIENT_SECRET: () => CLIENT_SECRET,
      address: (text) => authority.visit(/http:\S+\/authorize\S+/.exec(text)?.[0] ?? "", peer.address),
      EMAIL_AUTHSERV_ID: () => AUTHSERV_ID,
    };
    const attempt = await channels.begin("email");
    let last: number | undefined;
    let shown: ConnectStep | undefined;
    while (shown?.step !== "done" && shown?.step !== "failed") {
      const next = await channels.next("email", attempt, last);
      const isNew = next.number !== last;
      ({ number: last, shown } = next);
      if (isNew && shown.step === "ask")
        await channels.answer("email", attempt, {
          number: last,
          value: answers[shown.name]?.(shown.text) ?? "",
        });
    }
    expect(shown).toMatchObject({ step: "done", kept: expect.arrayContaining(["EMAIL_REFRESH_TOKEN"]) });

    await writes({ subject: "First", text: "say: the first answer" });
    await shows((text) => text.includes("the first answer"));
    const file = join(paths.pluginsData, "email", "sign-in-1.json");
    const first = await readFile(file, "utf8");
    expect((await stat(file)).mode & 0o777).toBe(0o600);

    const list = execFileSync("ps", ["-eo", "pid=,args="], { encoding: "utf8" }).split("\n");
    const [pid] = list.flatMap((line) =>
      line.includes(join(paths.pluginsData, "email")) ? [Number.parseInt(line, 10)] : [],
    );
    process.kill(pid ?? Number.NaN, "SIGKILL");
    await writes({ subject: "Second", text: "say: the second answer" });
    await shows((text) => text.includes("the second answer"));

    expect(await readFile(file, "utf8")).not.toBe(first);
    const log = await readFile(paths.log, "utf8");
    for (const secret of authority.secrets) expect(log).not.toContain(secret);
  },
  180_000,
);
