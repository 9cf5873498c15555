/** What the contract does not ask of a channel: how mail is put into threads, who wrote it, and what is nobody's. */
import type { Channel, Inbound, Logger, Outbound } from "@bellhop/sdk";
import { createChanges } from "@bellhop/sdk/testing";
import { RejectedError } from "@bellhop/sdk";
import { ImapFlow } from "imapflow";
import { buffer } from "node:stream/consumers";
import { Readable } from "node:stream";
import { afterAll, describe, expect, it, onTestFinished } from "vitest";
import type { Rules } from "../src/settings.ts";
import { withoutDovecot } from "./servers/dovecot.ts";
import { AUTHSERV_ID, type EmailPeer, openServers, type Servers } from "./servers/peer.ts";

const why = withoutDovecot();
const servers = why === undefined ? openServers() : undefined;
afterAll(async () => await (await servers)?.close());

const PROOF = `Authentication-Results: ${AUTHSERV_ID}; dmarc=pass header.from=example.org`;
const { signal } = new AbortController();

/** The mailbox, as another program of its owner sees it. */
async function mailboxOf<T>(
  { address: user, password: pass, ports }: EmailPeer,
  use: (client: ImapFlow) => Promise<T>,
): Promise<T> {
  const client = new ImapFlow({
    host: "127.0.0.1",
    port: ports.imap,
    secure: false,
    auth: { user, pass },
    logger: false,
  });
  await client.connect();
  try {
    return await use(client);
  } finally {
    client.close();
  }
}

/**
 * An adapter that listens, with what it heard and what it logged.
 * @param before is done before it listens
 */
async function given(
  rules: Partial<Rules> = {},
  before?: (client: ImapFlow) => Promise<unknown>,
  running?: Servers,
) {
  const changes = createChanges();
  const heard: Inbound[] = [];
  const logged: string[] = [];
  const note = (text: string, fields?: object) => {
    logged.push(`${text} ${JSON.stringify(fields)}`);
    changes.note();
  };
  const log: Logger = { debug: note, info: note, warn: note, error: note };
  const peer = await (running ?? (await servers))?.peer(rules, log);
  if (!peer) throw new Error("there is no Dovecot");
  if (before) await mailboxOf(peer, before);
  const stop = new AbortController();
  const channel = peer.connect();
  let cursor: string | undefined;

  async function listen(one: Channel, until: AbortSignal): Promise<void> {
    const accept = async (inbound: Inbound, at?: string) => {
      heard.push(inbound);
      cursor = at ?? cursor;
      changes.note();
    };
    while (!until.aborted) await one.listen?.(cursor, accept, until).catch(() => undefined);
  }
  const over = listen(channel, stop.signal);
  onTestFinished(async () => {
    stop.abort(new Error("the test is over"));
    await over;
    await peer.close();
  });

  let ids = 0;
  return {
    peer,
    channel,
    heard,
    logged,
    mailbox: async <T>(use: (client: ImapFlow) => Promise<T>) => await mailboxOf(peer, use),
    /** @returns its Message-ID */
    async mail(headers: Readonly<Record<string, string>>, body = "hello", proof = PROOF): Promise<string> {
      const id = `mail-${(ids += 1)}@example.org`;
      const all = {
        From: "Ann <ann@example.org>",
        To: peer.address,
        "Message-ID": `<${id}>`,
        Date: new Date().toUTCString(),
        ...headers,
      };
      const lines = Object.entries(all).flatMap(([name, value]) =>
        value === "" ? [] : [`${name}: ${value}`],
      );
      await peer.deliver(
        [proof, ...lines, "", body, ""].filter((line, at) => at > 0 || line !== "").join("\r\n"),
      );
      return id;
    },
    hears: (fits: (inbound: Inbound) => boolean) => changes.until(() => heard.find(fits)),
    logs: (words: string) => changes.until(() => logged.find((line) => line.includes(words))),
    async send(
      message: Partial<Extract<Outbound, { kind: "text" }>> & { chat: string },
      key = `key-${(ids += 1)}`,
    ) {
      return await channel.send({ kind: "text", text: "an answer", key, ...message }, signal);
    },
  };
}

const says = (text: string) => (inbound: Inbound) => inbound.text.includes(text);

describe.skipIf(why !== undefined)(`mail in threads${why === undefined ? "" : ` (${why})`}`, () => {
  it("begins a thread with its subject, and is answered in it, to the sender alone", async () => {
    const { peer, mail, hears, send } = await given();
    const id = await mail(
      { Subject: "=?utf-8?q?Dinner_f=C3=BCr_zwei?=", Cc: "ben@example.org", "Reply-To": "eve@evil.example" },
      "When is it?",
    );
    const heard = await hears(says("When"));

    await send({
      chat: heard.chat,
      text: "At **eight**.\n![x](https://evil.example/pixel.png)",
      replyTo: heard.platformId,
    });

    expect(heard).toMatchObject({
      platformId: id,
      text: "Dinner für zwei\n\nWhen is it?",
      chatTitle: "Dinner für zwei",
      threadOf: "ann@example.org",
      direct: true,
      sender: { id: "ann@example.org", name: "Ann" },
    });
    const [{ to, mail: answer, raw } = expect.fail("nothing was sent")] = peer.taken;
    expect(to).toEqual(["ann@example.org"]);
    expect(answer).toMatchObject({
      subject: "Re: Dinner für zwei",
      inReplyTo: `<${id}>`,
      references: `<${id}>`,
    });
    expect(answer.from?.text).toContain("Bell");
    expect(answer.headers.get("auto-submitted")).toBe("auto-replied");
    expect(answer.html).toContain("<strong>eight</strong>");
    expect(answer.html).not.toContain("<img");
    expect(raw.toString()).not.toMatch(/^(?:Cc|Bcc): /im);
  });

  it("keeps a thread together by our own mails, and is not heard twice where a client quotes", async () => {
    const { mail, hears, send } = await given();
    const first = await mail({ Subject: "Dinner" }, "When?");
    const { chat } = await hears(says("When?"));
    const ours = await send({ chat });
    await mail(
      { Subject: "Re: Dinner", "In-Reply-To": `<${ours.platformId}>` },
      "Fine.\r\n\r\nOn Fri, 27 Nov 2026 Bell <bell@test.example> wrote:\r\n> an answer\r\n\r\n-- \r\nAnn",
    );

    const heard = await hears(says("Fine."));

    expect(heard).toMatchObject({ chat, text: "Fine.", quote: "an answer", replyTo: ours.platformId });
    expect(first).not.toBe(ours.platformId);
  });

  it.each([
    ["forwards", "---------- Forwarded message ---------\r\nFrom: Zoe <zoe@elsewhere.example>\r\n\r\n", ""],
    ["answers of somebody else's", "On Fri, 27 Nov 2026 Zoe <zoe@elsewhere.example> wrote:\r\n", "> "],
  ])("is told with what it %s, which is nobody's word here", async (_what, lead, mark) => {
    const { mail, hears } = await given();
    const references = { "In-Reply-To": "<1@elsewhere.example>", References: "<1@elsewhere.example>" };
    await mail({ Subject: "Fwd: Bill", ...references }, `Is that right?\r\n\r\n${lead}${mark}You owe us 7.`);

    const heard = await hears(({ text }) => text.startsWith("Is that right?"));

    expect(heard.text).toBe(`Is that right?\n\n${lead.replaceAll("\r", "")}${mark}You owe us 7.`);
    expect(heard.quote).toMatch(/You owe us 7\.$/);
    expect(heard).not.toHaveProperty("replyTo", expect.anything());
  });

  it("is a thread of its own where the address itself is written to, and answers come back to it", async () => {
    const { peer, mail, hears, send } = await given();
    const { platformId } = await send({ chat: "ann@example.org", text: "# Good morning\n\nIt rains." });
    await mail(
      { Subject: "Re: Good morning", "In-Reply-To": `<${platformId}>`, References: `<${platformId}>` },
      "Thanks",
    );
    const { chat } = await hears(says("Thanks"));
    await send({ chat });

    const [first, second] = peer.taken;
    expect(first?.mail).toMatchObject({ subject: "Good morning", messageId: `<${platformId}>` });
    expect(first?.mail.inReplyTo).toBeUndefined();
    expect(first?.mail.headers.get("auto-submitted")).toBe("auto-generated");
    expect([chat.startsWith("ann@example.org:"), second?.mail.subject]).toEqual([true, "Re: Good morning"]);
  });

  it("has the same Message-ID when it is sent again, and no header of anybody's else", async () => {
    const { peer, mail, hears, send } = await given();
    await mail({ Subject: "Dinner" }, "When?");
    const { chat } = await hears(says("When?"));
    const message = {
      chat,
      sender: "Bell\r\nBcc: eve@evil.example",
      text: "Subject: x\r\nBcc: eve@evil.example",
    };
    const ids = [
      await send(message, "same"),
      await send(message, "same"),
      await send({ chat: "ann@example.org", text: "a\u2028Bcc: eve@evil.example" }),
    ];

    expect(ids[1]).toEqual(ids[0]);
    expect(peer.taken.map(({ to, mail: { bcc } }) => [to, bcc])).toEqual(
      Array.from({ length: 3 }, () => [["ann@example.org"], undefined]),
    );
  });

  it.each([
    "404",
    "ann@example.org:nothex",
    "ann@example.org:0123456789abcdef:x",
    "a@b@c",
    "ann@example.org\r\nx@y",
  ])("is not sent to %j", async (chat) => {
    const { peer, send } = await given();

    await expect(send({ chat })).rejects.toThrow(RejectedError);
    expect(peer.asked("send")).toBe(0);
  });
});

describe.skipIf(why !== undefined)("who wrote a mail", () => {
  it.each([
    ["no header", ""],
    ["another server's word", "Authentication-Results: mx.evil.example; dmarc=pass header.from=example.org"],
    [
      "a word below our server's",
      `Authentication-Results: ${AUTHSERV_ID}; dmarc=fail header.from=example.org\r\n${PROOF}`,
    ],
  ])("is unverified with %s, is told so in a log, and nothing is sent there", async (_, proof) => {
    const { mail, hears, logs, send } = await given();
    await mail({}, "it is me", proof);
    const heard = await hears(says("it is me"));

    expect(heard.sender).toMatchObject({ id: "unverified:ann@example.org", bot: true });
    expect(heard.chat).toMatch(/^unverified:ann@example\.org:/);
    await expect(send({ chat: heard.chat })).rejects.toThrow(RejectedError);
    expect(await logs("EMAIL_AUTHSERV_ID")).toContain("unverified:ann@example.org");
  });

  it("is whoever it says where anyone is trusted", async () => {
    const { mail, hears } = await given({ trust: "anyone" });
    await mail({}, "it is me", "");

    expect((await hears(says("it is me"))).sender.id).toBe("ann@example.org");
  });

  it("is nobody where it names two, or none", async () => {
    const { peer, mail, logged, heard, hears } = await given();
    await mail({ From: "ann@example.org, eve@evil.example" }, "from two");
    await mail({ From: "" }, "from none");
    await peer.deliver(`${PROOF}\r\nFrom: ann@example.org\r\nFrom: eve@evil.example\r\n\r\ntwice\r\n`);
    await mail({}, "the end");
    await hears(says("the end"));

    expect(heard.map(({ text }) => text)).toEqual(["the end"]);
    expect(logged.filter((line) => line.includes("does not name one sender"))).toHaveLength(3);
  });

  it("is passed over without a word where it is not allowed", async () => {
    const { mail, hears, heard, logged } = await given({ allow: ["example.org", "ben@example.com"] });
    await mail({ From: "ann@example.com" }, "not allowed", PROOF.replace("example.org", "example.com"));
    await mail({ From: "Ben@Example.com" }, "allowed", PROOF.replace("example.org", "example.com"));
    await mail({}, "allowed too");
    await hears(says("allowed too"));

    expect(heard.map(({ text, sender }) => [text, sender.id])).toEqual([
      ["allowed", "ben@example.com"],
      ["allowed too", "ann@example.org"],
    ]);
    expect(logged).toEqual([]);
  });

  it("is a program where the mail says so, and is never heard", async () => {
    const { peer, mail, hears, heard, send } = await given();
    await mail({ "Auto-Submitted": "auto-replied" }, "I am away");
    await mail({ "List-Id": "<list.example.org>" }, "to all");
    await mail({ From: peer.address }, "to myself");
    const { platformId } = await send({ chat: "ann@example.org" });
    await mail({ "Message-ID": `<${platformId}>` }, "an echo");
    await mail({}, "a person");
    await hears(says("a person"));

    expect(heard.map(({ text }) => text)).toEqual(["a person"]);
  });
});

describe.skipIf(why !== undefined)("a mailbox", () => {
  it("is not read from its beginning the first time", async () => {
    const old = `${PROOF}\r\nFrom: ann@example.org\r\nMessage-ID: <old@example.org>\r\n\r\nlong ago\r\n`;
    const { mail, heard, hears } = await given({}, (client) =>
      client.append("INBOX", old, [], new Date(Date.now() - 24 * 60 * 60_000)),
    );
    await mail({}, "just now");
    await hears(says("just now"));

    expect(heard.filter(says("long ago"))).toEqual([]);
  });

  it.each([
    ["without a date", ""],
    ["with a date long ago", "Date: Thu, 01 Jan 1970 00:00:00 +0000\r\n"],
  ])("is read from when it was listened to first, also a mail %s", async (_, date) => {
    const early = `${PROOF}\r\nFrom: ann@example.org\r\n${date}Message-ID: <early@example.org>\r\n\r\nbefore you\r\n`;
    const { heard, mail, hears } = await given({}, (client) => client.append("INBOX", early));
    await mail({}, "after you");
    await hears(says("after you"));

    expect(heard.map(({ text }) => text)).toEqual(["before you", "after you"]);
  });

  it("has its mails seen and moved once they are taken, and files are found there", async () => {
    const { mail, hears, mailbox } = await given({ moveTo: "Done" });
    await mailbox((client) => client.mailboxCreate("Done"));
    await mail({ "Content-Type": 'application/octet-stream; name="list.bin"' }, "eggs");
    const { files } = await hears(({ files: all }) => all?.[0]?.name === "list.bin");
    await mail({}, "the next");
    await hears(says("the next"));

    const content = await buffer((await files?.[0]?.open(signal)) ?? Readable.from([]));
    const seen = await mailbox(async (client) => {
      await client.mailboxOpen("Done");
      const first = await client.fetchOne("1", { flags: true });
      return first && first.flags?.has("\\Seen");
    });
    expect([content.toString().trim(), seen]).toEqual(["eggs", true]);
  });

  it("is read again where its server numbers anew, and what was there has its key", async () => {
    const maildir = await openServers("maildir");
    onTestFinished(maildir.close);
    const { peer, mail, heard, hears, logs } = await given({}, undefined, maildir);
    await mail({ Date: "Mon, 01 Jan 2024 00:00:00 +0000" }, "forgotten");
    await mail({}, "before");
    const before = await hears(says("before"));
    maildir.dovecot.renumber(peer.address);
    peer.cut();
    await mail({}, "after");
    await hears(says("after"));

    await logs("numbered");
    const copies = heard.filter(says("before")).map(({ chat, platformId }) => [chat, platformId]);
    expect(copies.length).toBeGreaterThan(1);
    expect(heard.filter(says("forgotten"))).toHaveLength(1);
    expect(new Set(copies.map((one) => JSON.stringify(one)))).toEqual(
      new Set([JSON.stringify([before.chat, before.platformId])]),
    );
  });

  it("gives HTML as text, files part by part, and no more of a text than is taken", async () => {
    const { mail, hears } = await given();
    const photo = Buffer.alloc(300_000, "photo");
    const parts = [
      `--b\r\nContent-Type: text/html; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<p>F=FCr <b>dich</b> &amp; mich</p><script>x</script>`,
      `--b\r\nContent-Type: image/jpeg; name="../photo.jpg"\r\nContent-Disposition: attachment; filename="../photo.jpg"\r\nContent-Transfer-Encoding: base64\r\n\r\n${photo.toString("base64").replaceAll(/(.{76})/g, "$1\r\n")}`,
      "--b--",
    ];
    await mail(
      { "MIME-Version": "1.0", "Content-Type": 'multipart/mixed; boundary="b"' },
      parts.join("\r\n"),
    );
    await mail({ "Content-Type": "text/plain; charset=utf-8" }, `long ${"a".repeat(70)}\r\n`.repeat(40_000));
    const withFile = await hears(says("dich"));
    const long = await hears(says("long"));

    const [file] = withFile.files ?? [];
    expect([withFile.text, file?.name.endsWith("photo.jpg"), file?.type]).toEqual([
      "Für dich & mich",
      true,
      "image/jpeg",
    ]);
    expect(await buffer((await file?.open(signal)) ?? Readable.from([]))).toEqual(photo);
    expect(long.text.length).toBeLessThanOrEqual(1024 * 1024);
    expect(long.text.length).toBeGreaterThan(1_000_000);
  });
});
