/** E-mail as people have it: the plugin that ships, in a process of its own, with a real Dovecot and a real SMTP server. */
import { untilBy } from "@bellhop/sdk/testing";
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { expect, it, onTestFinished } from "vitest";
import { withoutDovecot } from "../../../plugins/email/test/servers/dovecot.ts";
import { AUTHSERV_ID, composed, openServers } from "../../../plugins/email/test/servers/peer.ts";
import { homePaths } from "../src/config.ts";
import { givenHost } from "./journey.ts";
import { setUpShipped } from "./shipped.ts";
import { notShown } from "./shown.ts";

const ANN = "ann@people.example";
const why = withoutDovecot();

/** A host with a mailbox, whose owner is Ann; her mails are of the group `main`. */
async function givenMailbox() {
  const servers = await openServers();
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
  await setUpShipped(journey.home, "email", { variables });

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
    return await untilBy(peer.changed)(find).catch(async (cause: unknown) => {
      throw await notShown(
        String(fits),
        peer.taken.map(({ mail }) => mail.text ?? ""),
        journey,
        cause,
      );
    });
  }
  return { journey, peer, writes, shows };
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
