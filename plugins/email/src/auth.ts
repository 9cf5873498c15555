/** Connects a mailbox: asks for its address, password and servers, and tries both before anything is kept. */
import { type AuthFlow, ConfigError, nextNumber, numberedVariable } from "@bellhop/sdk";
import { addressFrom, domainOf } from "./address.ts";
import { parseAuthResults } from "./auth-results.ts";
import { PACE } from "./channel.ts";
import { headOf } from "./head.ts";
import { openMailbox, type ImapAccess } from "./imap.ts";
import { ASKED, headBytes } from "./inbound.ts";
import { ACCOUNTS, AUTHSERV_ID, type Plan, serverFrom } from "./settings.ts";

const PASSWORD =
  "Its password. Google, Microsoft, Yahoo, iCloud and many others want an app password here, made in the account's security settings; with some, IMAP has to be turned on there too.";
/** Mails that are looked at for the name of the account's own server. */
const LOOK_AT = 5;

export interface AuthParts {
  readonly plan: Pick<Plan, "allowPlain" | "rules">;
  readonly environment: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** The first account has no name; each further one takes the next number that is free. */
export async function* connect({ plan, environment, signal }: AuthParts): AuthFlow {
  const number = nextNumber({ ...ACCOUNTS, environment });
  const name = (variable: string) => numberedVariable(variable, number);
  const { allowPlain } = plan;
  const ask = (variable: string, text: string, kind: { secret?: boolean; optional?: boolean } = {}) =>
    ({ step: "ask", name: name(variable), text, secret: false, ...kind }) as const;

  const address = addressFrom(
    (yield ask(
      "EMAIL_ADDRESS",
      "The assistant's own e-mail address. Give it one of its own: whatever comes there is taken for a message to it.",
    )) ?? "",
  );
  if (address === undefined) throw new ConfigError("That is no e-mail address.");
  const password = ((yield ask("EMAIL_PASSWORD", PASSWORD, { secret: true })) ?? "").trim();
  if (password === "") throw new ConfigError("Without a password nobody is let in.");
  const domain = domainOf(address);
  const guess = { imap: `imaps://imap.${domain}`, smtp: `smtps://smtp.${domain}` };
  const how = (guessed: string, plainer: string) =>
    `Empty for ${guessed}. ${plainer} is with STARTTLS; a user other than the address stands before an @: …://user@host`;
  const imapUrl =
    (
      (yield ask("EMAIL_IMAP", `Its IMAP server. ${how(guess.imap, "imap://host:143")}`, {
        optional: true,
      })) ?? ""
    ).trim() || guess.imap;
  const smtpUrl =
    (
      (yield ask("EMAIL_SMTP", `Its SMTP server. ${how(guess.smtp, "smtp://host:587")}`, {
        optional: true,
      })) ?? ""
    ).trim() || guess.smtp;
  const imap = serverFrom(imapUrl, { kind: "imap", address, allowPlain });
  const smtp = serverFrom(smtpUrl, { kind: "smtp", address, allowPlain });

  yield { step: "wait", text: `Trying ${imap.host} and ${smtp.host} …` };
  const seen = await serverNames({ server: imap, password, pace: PACE.imap }, plan.rules.folder, signal);
  const { knock } = await import("./smtp.ts");
  await knock({ server: smtp, password, pace: PACE.smtp, name: domain }, signal);

  const [likely] = seen;
  const told =
    seen.length === 0
      ? "None of its mails has such a header yet."
      : `Its newest mails bear: ${seen.join(", ")}.`;
  const authservId = (
    (yield ask(
      AUTHSERV_ID,
      `A sender's name proves nothing; the account's own server tells in a header (Authentication-Results) whom it has proved. Under which name does it write that? ${told} Give the name, or nothing: then nobody is known by mail until it is set (docs/email.md).${likely === undefined ? "" : ` It is most likely ${likely}; take it only if it is your provider's.`}`,
      { optional: true },
    )) ?? ""
  )
    .trim()
    .toLowerCase();
  if (authservId !== "" && !/^[^\s;]+$/.test(authservId))
    throw new ConfigError("That is no name of a server.");
  const kept = {
    EMAIL_ADDRESS: address,
    EMAIL_PASSWORD: password,
    EMAIL_IMAP: imapUrl,
    EMAIL_SMTP: smtpUrl,
    [AUTHSERV_ID]: authservId,
  };
  yield {
    step: "done",
    account: address,
    text: `Connected as ${address}. Write to it. ${authservId === "" ? "No sender is known yet: set EMAIL_AUTHSERV_ID first, docs/email.md says how." : `Senders are known by what ${authservId} says of them.`}`,
    keep: Object.fromEntries(
      Object.entries(kept).flatMap(([variable, value]) => (value === "" ? [] : [[name(variable), value]])),
    ),
  };
}

/** The servers whose word stands on top of the newest mails, the most frequent first. */
async function serverNames(access: ImapAccess, folder: string, signal: AbortSignal): Promise<string[]> {
  await using mailbox = await openMailbox(access, folder, { readOnly: true }, signal);
  const { client, within } = mailbox;
  const exists = client.mailbox ? client.mailbox.exists : 0;
  const counts = new Map<string, number>();
  for (let n = exists; n > Math.max(0, exists - LOOK_AT); n -= 1) {
    const mail = await within(() => client.fetchOne(n, ASKED));
    const head = mail ? await headOf(headBytes(mail)) : undefined;
    const [top] = head && !("unreadable" in head) ? head.all("authentication-results") : [];
    const by = top === undefined ? undefined : parseAuthResults(top)?.by;
    if (by !== undefined) counts.set(by, (counts.get(by) ?? 0) + 1);
  }
  return [...counts].toSorted(([, a], [, b]) => b - a).map(([by]) => by);
}
