/**
 * Connections to the mailbox. Each says nothing of what it carries to any log, ends with its signal, and has a limit
 * for whatever it is asked: a server that has gone silent is found out by that, and by nothing else.
 */
import { type BellhopError, ConfigError, RejectedError, TemporaryError } from "@bellhop/sdk";
import { ImapFlow } from "imapflow";
import type { Readable } from "node:stream";
import { type Login, noTokens, type Proof, refusedLogin } from "./login.ts";
import type { Server } from "./settings.ts";

const MiB = 1024 * 1024;
/** Longest answer of a server to one question that is not a file. */
const MOST_ANSWER = 8 * MiB;

export interface ImapPace {
  /** Until a connection is there. */
  readonly connectMs: number;
  /** Until the answer to a command is there. */
  readonly callMs: number;
}

export interface ImapAccess {
  readonly server: Server;
  readonly login: Login;
  readonly pace: ImapPace;
}

export interface Mailbox extends AsyncDisposable {
  readonly client: ImapFlow;
  readonly uidValidity: string;
  /** Rejects once the connection is gone, and never resolves. */
  readonly gone: Promise<never>;
  /** One command, with its limit; the connection ends with one that is late. */
  within<T>(command: () => Promise<T>): Promise<T>;
}

/**
 * Connects, and opens a folder.
 * @throws ConfigError the account or the folder is refused
 * @throws TemporaryError
 */
export async function openMailbox(
  access: ImapAccess,
  folder: string,
  options: { readonly readOnly: boolean },
  signal: AbortSignal,
): Promise<Mailbox> {
  return await access.login.with((proof) => opened({ ...access, proof }, folder, options, signal), signal);
}

async function opened(
  { server, proof, pace }: Omit<ImapAccess, "login"> & { readonly proof: Proof },
  folder: string,
  { readOnly }: { readonly readOnly: boolean },
  signal: AbortSignal,
): Promise<Mailbox> {
  const client = new ImapFlow({
    host: server.host,
    port: server.port,
    secure: server.secure,
    doSTARTTLS: server.secure ? undefined : !server.plain,
    auth: { user: server.user, ...proof },
    logger: false,
    clientInfo: { name: "Bellhop" },
    disableAutoIdle: true,
    connectionTimeout: pace.connectMs,
    greetingTimeout: pace.connectMs,
    socketTimeout: pace.callMs,
    maxLineLength: MOST_ANSWER,
    maxLiteralSize: MOST_ANSWER,
    maxResponseSize: 2 * MOST_ANSWER,
  });
  const end = Promise.withResolvers<never>();
  end.promise.catch(() => undefined); // whoever is not waiting for it just now need not
  client.on("error", (error: unknown) => end.reject(mapped(error, server, proof)));
  client.on("close", () =>
    end.reject(new TemporaryError(`The IMAP server ${server.host} ended the connection.`)),
  );
  const stop = () => {
    end.reject(signal.reason);
    client.close();
  };
  signal.addEventListener("abort", stop, { once: true });

  async function within<T>(command: () => Promise<T>, ms = pace.callMs): Promise<T> {
    signal.throwIfAborted();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(new TemporaryError(`The IMAP server ${server.host} does not answer.`));
        client.close();
      }, ms);
    });
    try {
      return await Promise.race([command(), end.promise, late]);
    } catch (error) {
      signal.throwIfAborted();
      throw mapped(error, server, proof);
    } finally {
      clearTimeout(timer);
    }
  }

  async function close(): Promise<void> {
    signal.removeEventListener("abort", stop);
    client.close();
  }

  try {
    await within(() => client.connect(), pace.connectMs + pace.callMs);
    const { uidValidity } = await within(async () => {
      try {
        return await client.mailboxOpen(folder, { readOnly });
      } catch (cause) {
        if (!answeredNo(cause)) throw cause;
        throw new ConfigError(
          `The folder ${folder} of ${server.user} cannot be opened: look whether the setting "folder" names one that is there.`,
          { cause },
        );
      }
    });
    return {
      client,
      uidValidity: String(uidValidity),
      gone: end.promise,
      within,
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * The bytes of one part, over a connection of its own that ends with it: whoever reads slowly holds up nothing else.
 * @throws RejectedError it is not there any more
 */
export async function openPart(
  access: ImapAccess,
  { folder, uid, uidValidity, part }: { folder: string; uid: number; uidValidity: string; part: string },
  signal: AbortSignal,
): Promise<Readable> {
  const mailbox = await openMailbox(access, folder, { readOnly: true }, signal);
  try {
    if (mailbox.uidValidity !== uidValidity)
      throw new RejectedError("The server has numbered its mails anew; the file is not found.");
    const { client, within } = mailbox;
    const { content } = await within(() => client.download(uid, part, { uid: true, decodeText: false }));
    if (!content) throw new RejectedError("The mail with the file is not there any more.");
    content.once("close", () => void mailbox[Symbol.asyncDispose]());
    return content;
  } catch (error) {
    await mailbox[Symbol.asyncDispose]();
    throw error;
  }
}

/** Of a response: only what the server said no to. */
export function answeredNo(error: unknown): boolean {
  return error instanceof Error && "responseStatus" in error && error.responseStatus === "NO";
}

/** Answers that a mail itself makes impossible to read, whoever asks again. */
const UNREADABLE =
  /^(?:LineTooLarge|LiteralTooLarge|ResponseTooLarge|TooManyTokens|MAX_IMAP_NESTING_REACHED|ParserError.*)$/;

export function isUnreadable(error: unknown): boolean {
  for (let one = error; one instanceof Error; one = one.cause) {
    if ("code" in one && UNREADABLE.test(String(one.code))) return true;
  }
  return false;
}

/** Refusals that go by themselves (RFC 5530). */
const PASSING = new Set(["UNAVAILABLE", "INUSE", "LIMIT", "CONTACTADMIN", "SERVERBUG"]);

function mapped(error: unknown, { host, user }: Server, proof: Proof): BellhopError | Error {
  if (error instanceof ConfigError || error instanceof TemporaryError || error instanceof RejectedError)
    return error;
  const cause = error;
  const says = (name: string) =>
    error instanceof Error ? (error as unknown as Record<string, unknown>)[name] : undefined; // whatever the library added
  if (says("authenticationFailed") === true && !PASSING.has(String(says("serverResponseCode"))))
    return refusedLogin(`The IMAP server ${host} does not let ${user} in`, proof, cause);
  if ("accessToken" in proof && says("message") === "Unsupported authentication mechanism")
    return noTokens("IMAP", host);
  const code = says("code");
  return new TemporaryError(
    `The IMAP server ${host} failed${typeof code === "string" ? ` (${code})` : ""}.`,
    { cause },
  );
}
