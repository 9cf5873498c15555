/**
 * Connects a mailbox: asks for its address, how it is let in, and its servers, and tries both before anything is kept.
 * An address that is connected already is connected anew, in its place.
 */
import { type AuthFlow, ConfigError, nextNumber, numberedVariable } from "@bellhop/sdk";
import { addressFrom, domainOf } from "./address.ts";
import { parseAuthResults } from "./auth-results.ts";
import { PACE } from "./channel.ts";
import { headOf } from "./head.ts";
import { openMailbox, type ImapAccess } from "./imap.ts";
import { ASKED, headBytes } from "./inbound.ts";
import { asking, howLetIn, type LetInParts, OPTIONAL } from "./let-in.ts";
import { ACCOUNTS, AUTHSERV_ID, type Plan, serverFrom } from "./settings.ts";

const ADDRESS =
  "Give the assistant a mailbox of its own: whatever comes there is taken for a message to it.\nIts e-mail address:";
/** Mails that are looked at for the name of the account's own server. */
const LOOK_AT = 5;

export interface AuthParts extends Omit<LetInParts, "providers"> {
  readonly plan: Pick<Plan, "allowPlain" | "rules" | "providers">;
}

export async function* connect(parts: AuthParts): AuthFlow {
  const { plan, environment, signal } = parts;
  const { allowPlain, providers } = plan;
  const address = addressFrom(
    (yield { step: "ask", name: "EMAIL_ADDRESS", text: ADDRESS, secret: false }) ?? "",
  );
  if (address === undefined) throw new ConfigError("That is no e-mail address.");
  const number = numberFor(address, environment);
  const ask = asking(number);
  const domain = domainOf(address);
  const { login, provider, kept: proof } = yield* howLetIn(address, { number, providers, ...parts });
  const guess = { imap: `imaps://imap.${domain}`, smtp: `smtps://smtp.${domain}` };
  const server = (kind: "IMAP" | "SMTP", plain: string, guessed: string) =>
    ask(
      `EMAIL_${kind}`,
      `${plain} is with STARTTLS; a user other than the address stands before an @: …://user@host\nIts ${kind} server; empty for ${guessed}:`,
      OPTIONAL,
    );
  const imapUrl = provider?.imap ?? ((yield* server("IMAP", "imap://host:143", guess.imap)) || guess.imap);
  const smtpUrl = provider?.smtp ?? ((yield* server("SMTP", "smtp://host:587", guess.smtp)) || guess.smtp);
  const imap = serverFrom(imapUrl, { kind: "imap", address, allowPlain });
  const smtp = serverFrom(smtpUrl, { kind: "smtp", address, allowPlain });

  yield { step: "wait", text: `Trying ${imap.host} and ${smtp.host} …` };
  const seen = await serverNames({ server: imap, login, pace: PACE.imap }, plan.rules.folder, signal);
  const { knock } = await import("./smtp.ts");
  await knock({ server: smtp, login, pace: PACE.smtp, name: domain }, signal);

  const [likely] = seen;
  const told =
    seen.length === 0
      ? "None of its mails has such a header yet."
      : `Its newest mails bear: ${seen.join(", ")}.`;
  const authservId = (yield* ask(
    AUTHSERV_ID,
    `A sender's name proves nothing; the account's own server tells in a header (Authentication-Results) whom it has proved, under a name of its own. ${told}${likely === undefined ? "" : ` It is most likely ${likely}; take it only if it is your provider's.`}\nThat name; empty: nobody is known by mail until it is set (docs/email.md):`,
    OPTIONAL,
  )).toLowerCase();
  if (authservId !== "" && !/^[^\s;]+$/.test(authservId))
    throw new ConfigError("That is no name of a server.");
  const kept = {
    EMAIL_ADDRESS: address,
    ...proof,
    EMAIL_IMAP: imapUrl,
    EMAIL_SMTP: smtpUrl,
    [AUTHSERV_ID]: authservId,
  };
  yield {
    step: "done",
    account: address,
    text: `Connected as ${address}. Write to it. ${authservId === "" ? "No sender is known yet: set EMAIL_AUTHSERV_ID first, docs/email.md says how." : `Senders are known by what ${authservId} says of them.`}`,
    keep: Object.fromEntries(
      Object.entries(kept).flatMap(([variable, value]) =>
        value === "" ? [] : [[numberedVariable(variable, number), value]],
      ),
    ),
  };
}

/** The first account has no number; each further one takes the next that is free. */
function numberFor(address: string, environment: Readonly<Record<string, string>>): number {
  for (let number = 1; number <= ACCOUNTS.most; number += 1) {
    const known = environment[numberedVariable("EMAIL_ADDRESS", number)] ?? "";
    if (addressFrom(known) === address) return number;
  }
  return nextNumber({ ...ACCOUNTS, environment });
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
