/**
 * E-mail as the contract suite needs it: people with a mail program, a real Dovecot where the assistant's mailbox is,
 * a real SMTP server that takes what it sends, and a network between that goes wrong.
 *
 * Every chat of it is a thread: people's mails name the first of it, and what the adapter sends is put where its
 * References say. Groups and programs are what mail has not here: an answer goes to one person, and what a program
 * sends is passed over.
 */
import type { Channel, Logger } from "@bellhop/sdk";
import {
  type ChannelPeer,
  createChanges,
  type PeerChat,
  type PeerFault,
  type PeerMessage,
  type PeerPerson,
} from "@bellhop/sdk/testing";
import { createHash, randomUUID } from "node:crypto";
import MailComposer from "nodemailer/lib/mail-composer";
import { createEmail, type Pace } from "../../src/channel.ts";
import { openLedger } from "../../src/ledger.ts";
import { byPassword, type Login } from "../../src/login.ts";
import type { Rules, Server } from "../../src/settings.ts";
import type { Authority } from "./authority.ts";
import { type Dovecot, openDovecot, PASSWORD } from "./dovecot.ts";
import { type OnAnswer, openProxy } from "./proxy.ts";
import { openSmtp, type Taken, type TestSmtp } from "./smtp.ts";

const PEOPLE = "people.example";
export const AUTHSERV_ID = "mx.test.example";
const PATIENCE_MS = 2_000;
const PACE: Pace = {
  imap: { connectMs: 5_000, callMs: PATIENCE_MS, idleMs: 1_000 },
  smtp: { connectMs: 5_000, answerMs: PATIENCE_MS, laterMs: 1_000 },
};

export const RULES: Rules = {
  name: "Bell",
  folder: "INBOX",
  markSeen: true,
  moveTo: undefined,
  trust: "authentication-results",
  allow: undefined,
  answersPerHour: 1_000,
  limitBytes: 25_000_000,
};

export interface Servers {
  readonly dovecot: Dovecot;
  readonly smtp: TestSmtp;
  peer(rules?: Partial<Rules>, log?: Logger): Promise<EmailPeer>;
  close(): Promise<void>;
}

export interface EmailPeer extends ChannelPeer {
  connect(login?: Login): Channel;
  /** Of the assistant. */
  readonly address: string;
  readonly password: string;
  /** Where its mailbox and its way out are, through the network that goes wrong. */
  readonly ports: { readonly imap: number; readonly smtp: number };
  /** Puts a mail into the assistant's mailbox, as it is. */
  deliver(mail: string | Buffer): Promise<void>;
  /** What was taken from the assistant, oldest first. */
  readonly taken: readonly Taken[];
}

/**
 * Both servers, for as many peers as come: starting them takes longer than most of what is done with them.
 * @param authority whose tokens both take, beside passwords
 */
export async function openServers(
  format?: Parameters<typeof openDovecot>[0],
  authority?: Pick<Authority, "url" | "isGood">,
): Promise<Servers> {
  const [dovecot, smtp] = await Promise.all([
    openDovecot(format, authority && `${authority.url}/introspect`),
    openSmtp(authority?.isGood),
  ]);
  return {
    dovecot,
    smtp,
    peer: async (rules, log) => await openPeer({ dovecot, smtp }, { ...RULES, ...rules }, log),
    async close() {
      await Promise.all([dovecot.close(), smtp.close()]);
    },
  };
}

/** What becomes of a server's answer to a mail. */
const ANSWERED = {
  "drop after accept": "drop",
  truncate: "half",
  delay: "keep",
  trickle: "trickle",
} as const satisfies Partial<Record<PeerFault["how"], ReturnType<OnAnswer>>>;

const SILENT: Logger = { debug() {}, info() {}, warn() {}, error() {} };
let peers = 0;

async function openPeer(
  { dovecot, smtp }: Pick<Servers, "dovecot" | "smtp">,
  rules: Rules,
  log = SILENT,
): Promise<EmailPeer> {
  const address = `bell${(peers += 1)}@test.example`;
  const changes = createChanges();
  const ledger = openLedger(":memory:");
  const chats = new Map<string, { readonly chat: PeerChat; readonly messages: PeerMessage[] }>();
  const taken: Taken[] = [];
  const asked = { send: 0, listen: 0 };
  let answers: keyof typeof ANSWERED | undefined;
  let answersLeft = 0;
  /** What came before a fault was set has been taken already, and only waits to be told so. */
  let answersAfter = 0;
  let byes = 0;
  /** What becomes of the next answer with a mail in it. */
  let midFrame: "half" | "trickle" | undefined;
  let refusing = false;
  let doubles = 0;
  let holding = false;
  let held: string | undefined;
  let delivering: Promise<void> = Promise.resolve();
  smtp.accounts.set(address, PASSWORD);
  smtp.takers.add(take);

  const imapProxy = await openProxy({
    to: dovecot.imapPort,
    onConnection() {
      asked.listen += 1;
      changes.note();
    },
    greeting() {
      if (byes === 0) return undefined;
      byes -= 1;
      return "* BYE [UNAVAILABLE] Too busy\r\n";
    },
    // Dovecot has one password for all, so another one is given to it on the way.
    onQuestion: (said) => (refusing ? said.replace(saslOf(PASSWORD), saslOf("wrong")) : said),
    onAnswer(bytes) {
      changes.note();
      if (!bytes.includes("FETCH")) return undefined;
      const becomes = midFrame;
      midFrame = undefined;
      return becomes;
    },
  });
  const smtpProxy = await openProxy({
    to: smtp.port,
    onConnection() {
      asked.send += 1;
      changes.note();
    },
    onAnswer(_, { number, said }) {
      if (
        answersLeft === 0 ||
        number <= answersAfter ||
        !/\r\nDATA\r\n[^]*\r\n\.\r\n(?:QUIT\r\n)?$/.test(said())
      )
        return undefined;
      answersLeft -= 1;
      return answers && ANSWERED[answers];
    },
  });

  function take(mail: Taken): void {
    if (mail.user !== address) return;
    taken.push(mail);
    const { mail: parsed } = mail;
    const [to = ""] = mail.to;
    const references = [parsed.references ?? []].flat().map(bare);
    const root = references[0];
    const chat = root === undefined ? to : `${to}:${rootOf(root)}`;
    const [file] = parsed.attachments;
    chats.get(chat)?.messages.push({
      platformId: bare(parsed.messageId ?? ""),
      from: "us",
      text: (parsed.text ?? "").replace(/\n$/, ""),
      replyTo: parsed.inReplyTo === undefined ? undefined : bare(parsed.inReplyTo),
      file: file && { name: file.filename ?? "", content: file.content },
    });
    changes.note();
  }

  /** A password as PLAIN has it (RFC 4616). */
  function saslOf(password: string): string {
    return btoa(`\0${address}\0${password}`);
  }

  /** One after the other, as they were written. */
  async function post(mail: string): Promise<void> {
    const mails = holding && held === undefined ? [] : [mail];
    if (mails.length === 0) held = mail;
    else if (held !== undefined) {
      mails.push(held);
      held = undefined;
      holding = false;
    }
    if (doubles > 0 && mails.length > 0) {
      doubles -= 1;
      mails.push(mail);
    }
    const before = delivering;
    delivering = (async () => {
      await before;
      for (const one of mails) await dovecot.deliver(address, one);
      changes.note();
    })();
    await delivering;
  }

  /** A thread with that person. */
  function thread(owner: PeerPerson, title: string): PeerChat {
    const correspondent = addressOf(owner);
    const first = `${title.toLowerCase().replaceAll(/\W+/g, "-")}-of-${owner.id}@${PEOPLE}`;
    const id = `${correspondent}:${rootOf(first)}`;
    const known = chats.get(id);
    if (known) return known.chat;
    const messages: PeerMessage[] = [];
    ledger.note({ correspondent, id: first, references: [], subject: title });
    const chat: PeerChat = {
      id,
      threadOf: correspondent,
      messages: () => messages,
      async says(person, text, { replyTo, file } = {}) {
        const platformId = `${randomUUID()}@${PEOPLE}`;
        messages.push({ platformId, from: person.id, text, replyTo });
        const mail = new MailComposer({
          from: { name: person.name, address: addressOf(person) },
          to: address,
          subject: `Re: ${title}`,
          messageId: `<${platformId}>`,
          references: [first, ...(replyTo === undefined ? [] : [replyTo])].map((one) => `<${one}>`),
          ...(replyTo === undefined ? {} : { inReplyTo: `<${replyTo}>` }),
          text,
          ...(file && {
            attachments: [
              { filename: file.name, contentType: file.type, content: Buffer.from(file.content) },
            ],
          }),
        });
        const proof = `Authentication-Results: ${AUTHSERV_ID};\r\n dmarc=pass header.from=${PEOPLE}\r\n`;
        await post(proof + (await mail.compile().build()).toString("latin1"));
        return platformId;
      },
    };
    chats.set(id, { chat, messages });
    return chat;
  }

  function sendingFails(fault: PeerFault): boolean {
    switch (fault.how) {
      case "refuse":
      case "slow down":
      case "unauthorised":
        smtp.faults.set("send", fault);
        return true;
      case "unreachable":
        smtpProxy.shut();
        return true;
      case "drop after accept":
      case "truncate":
      case "delay":
      case "trickle":
        [answers, answersLeft, answersAfter] = [fault.how, fault.calls ?? 1, asked.send];
        return true;
      case "server error": // a refusal of SMTP says that nothing was taken, whatever its number
      case "close mid-frame":
      case "go silent":
      case "duplicate":
      case "reorder":
        return false;
      default:
        return fault satisfies never;
    }
  }

  function hearingFails(fault: PeerFault): boolean {
    switch (fault.how) {
      case "unreachable":
        imapProxy.shut();
        return true;
      case "unauthorised":
        refusing = true;
        return true;
      case "server error":
        byes = fault.calls ?? 1;
        return true;
      case "close mid-frame":
        midFrame = "half";
        return true;
      case "trickle":
        midFrame = "trickle";
        return true;
      case "go silent":
        imapProxy.silence();
        return true;
      case "duplicate":
        doubles = fault.calls ?? 1;
        return true;
      case "reorder":
        holding = true;
        return true;
      case "refuse":
      case "slow down":
      case "drop after accept":
      case "delay":
      case "truncate":
        return false;
      default:
        return fault satisfies never;
    }
  }

  const server = (port: number): Server => ({
    host: "127.0.0.1",
    port,
    secure: false,
    plain: true,
    user: address,
  });

  return {
    address,
    password: PASSWORD,
    taken,
    get ports() {
      return { imap: imapProxy.port, smtp: smtpProxy.port };
    },
    patienceMs: PATIENCE_MS,
    connect: (login = byPassword(PASSWORD)) =>
      createEmail({
        login,
        account: {
          account: "",
          number: 1,
          address,
          credentials: { how: "password", password: PASSWORD },
          imap: server(imapProxy.port),
          smtp: server(smtpProxy.port),
          authservId: AUTHSERV_ID,
        },
        rules,
        ledger,
        pace: PACE,
        now: Date.now,
        log,
      }),
    idOf: addressOf,
    direct: (person) => thread(person, "Hello"),
    thread: (_, title) => thread({ id: "7001", name: "Ann" }, title),
    deliver: async (mail) => await dovecot.deliver(address, mail),

    fault: (call, fault) =>
      call === "send" ? sendingFails(fault) : call === "listen" && hearingFails(fault),
    applied: (call) => (call === "send" ? taken.length : 0),
    asked: (call) => (call === "send" || call === "listen" ? asked[call] : 0),
    cut() {
      imapProxy.cut();
      smtpProxy.cut();
    },
    async mend() {
      smtp.faults.clear();
      [answersLeft, byes, doubles, midFrame, holding, refusing] = [0, 0, 0, undefined, false, false];
      await Promise.all([imapProxy.open(), smtpProxy.open()]);
    },
    changed: changes.changed,
    async close() {
      smtp.takers.delete(take);
      ledger.close();
      await Promise.all([imapProxy.close(), smtpProxy.close()]);
    },
  };
}

/** A mail as a program writes it. */
export async function composed(mail: ConstructorParameters<typeof MailComposer>[0]): Promise<Buffer> {
  return await new MailComposer(mail).compile().build();
}

export function addressOf({ id }: PeerPerson): string {
  return `${id}@${PEOPLE}`;
}

function bare(id: string): string {
  return id.replace(/^<|>$/g, "");
}

function rootOf(first: string): string {
  return createHash("sha256").update(first).digest("hex").slice(0, 16);
}
