/**
 * One mail over one connection, and what is known of it when that fails. As long as the end of the mail was not
 * written the server has not taken it, whatever broke; from then on only the server knows, until it says so.
 */
import {
  type BellhopError,
  ConfigError,
  RejectedError,
  TemporaryError,
  UnknownOutcomeError,
} from "@bellhop/sdk";
import type { Readable } from "node:stream";
import SMTPConnection, { type CustomAuthenticationContext } from "nodemailer/lib/smtp-connection";
import { type Login, noTokens, type Proof, refusedLogin } from "./login.ts";
import type { Server } from "./settings.ts";

export interface SmtpPace {
  readonly connectMs: number;
  /** For a server's answer to a mail, for all before it, and for each pause in between. */
  readonly answerMs: number;
  /** A server that refuses for the moment (4xx) does not say for how long. */
  readonly laterMs: number;
}

export interface SmtpAccess {
  readonly server: Server;
  readonly login: Login;
  readonly pace: SmtpPace;
  /** How we call ourselves to the server. */
  readonly name: string;
}

/**
 * @param message from its beginning; it is read once, and destroyed when the call ends
 * @throws TemporaryError, UnknownOutcomeError, RejectedError, ConfigError
 */
export async function submit(
  access: SmtpAccess,
  envelope: { readonly from: string; readonly to: string },
  message: Readable,
  signal: AbortSignal,
): Promise<void> {
  let written = false;
  using patience = createPatience(access);
  message.once("resume", patience.stop); // how long it takes is a matter of its size
  message.once("end", () => {
    written = true;
    patience.start(access.pace.answerMs);
  });
  try {
    await connected(access, signal, {
      patience,
      act: (connection, done) => connection.send({ from: envelope.from, to: [envelope.to] }, message, done),
      isWritten: () => written,
    });
  } finally {
    message.destroy();
  }
}

/** Whether the account is let in; nothing is sent. Throws as `submit` does. */
export async function knock(access: SmtpAccess, signal: AbortSignal): Promise<void> {
  using patience = createPatience(access);
  await connected(access, signal, { patience, act: (_, done) => done(null), isWritten: () => false });
}

/** What the library waits for is silence; a server that sends a byte now and then would be waited for without an end. */
function createPatience({ server }: SmtpAccess) {
  const over = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const stop = () => clearTimeout(timer);
  function start(ms: number): void {
    stop();
    timer = setTimeout(() => over.abort(new Error(`${server.host} did not finish its answer`)), ms);
  }
  return { signal: over.signal, start, stop, [Symbol.dispose]: stop };
}

interface Acting {
  readonly patience: ReturnType<typeof createPatience>;
  act(connection: SMTPConnection, done: (error: Error | null) => void): void;
  isWritten(): boolean;
}

/** Who is not let in may come again with another proof: nothing was acted until then. */
async function connected(access: SmtpAccess, signal: AbortSignal, acting: Acting): Promise<void> {
  const { login, pace } = access;
  const { patience, act, isWritten } = acting;
  await login.with(async (proof) => {
    patience.start(pace.connectMs + pace.answerMs);
    try {
      await acted(access, proof, AbortSignal.any([signal, patience.signal]), act);
    } catch (error) {
      signal.throwIfAborted();
      throw mapped(error, { access, proof, written: isWritten() });
    } finally {
      patience.stop();
    }
  }, signal);
}

async function acted(
  { server, pace, name }: SmtpAccess,
  proof: Proof,
  signal: AbortSignal,
  act: Acting["act"],
): Promise<void> {
  signal.throwIfAborted();
  const connection = new SMTPConnection({
    host: server.host,
    port: server.port,
    secure: server.secure,
    requireTLS: !server.secure && !server.plain,
    ignoreTLS: server.plain,
    name,
    connectionTimeout: pace.connectMs,
    dnsTimeout: pace.connectMs,
    greetingTimeout: pace.answerMs,
    socketTimeout: pace.answerMs,
    socketCloseTimeout: 0,
    logger: false,
    ...("accessToken" in proof && {
      customAuth: { [BEARER]: (context) => bearer(context, server, proof.accessToken) },
    }),
  });
  const end = Promise.withResolvers<void>();
  const next = (go: () => void) => (error?: Error | null) => (error ? end.reject(error) : go());
  const stop = () => end.reject(signal.reason);
  connection.on("error", end.reject);
  signal.addEventListener("abort", stop, { once: true });
  try {
    connection.connect(
      next(() =>
        connection.login(
          "pass" in proof ? { user: server.user, pass: proof.pass } : { user: server.user, method: BEARER },
          next(() => act(connection, next(end.resolve))),
        ),
      ),
    );
    await end.promise;
    connection.quit();
  } finally {
    signal.removeEventListener("abort", stop);
    connection.close();
  }
}

/** Under its own name the library would take a password before it, wherever the server takes one. */
const BEARER = "BEARER";

/** XOAUTH2, as developers.google.com, “OAuth 2.0 Mechanism”, has it: who is refused is told why, and has to say nothing. */
async function bearer(
  { authMethods, sendCommand }: CustomAuthenticationContext,
  { host, user }: Server,
  accessToken: string,
): Promise<void> {
  if (!authMethods.includes("XOAUTH2")) throw noTokens("SMTP", host);
  const sasl = btoa(`user=${user}\u0001auth=Bearer ${accessToken}\u0001\u0001`);
  const { status } = await sendCommand(`AUTH XOAUTH2 ${sasl}`);
  const { status: last } = status === 334 ? await sendCommand("") : { status };
  if (last >= 300) throw new Error("refused");
}

function mapped(
  error: unknown,
  { access: { server, pace }, proof, written }: { access: SmtpAccess; proof: Proof; written: boolean },
): BellhopError {
  if (error instanceof ConfigError) return error;
  const known =
    error instanceof Error
      ? (error as Error & { code?: unknown; responseCode?: unknown; response?: unknown })
      : undefined;
  const cause = error;
  const code = typeof known?.code === "string" ? known.code : "";
  const status = typeof known?.responseCode === "number" ? known.responseCode : 0;
  const words =
    typeof known?.response === "string" ? `: ${known.response.replaceAll(/\s+/g, " ").slice(0, 200)}` : "";
  if (status >= 500 && (code === "EAUTH" || status === 530 || status === 535))
    return refusedLogin(`The SMTP server ${server.host} does not let ${server.user} send`, proof, cause);
  if (status >= 400 && status < 500)
    return new TemporaryError(`The SMTP server ${server.host} does not take mail just now${words}`, {
      cause,
      retryAfterMs: pace.laterMs,
    });
  if (status >= 500 && (code === "EENVELOPE" || code === "EMESSAGE"))
    return new RejectedError(`The SMTP server ${server.host} does not take this mail${words}`, { cause });
  if (written)
    return new UnknownOutcomeError(`The SMTP server ${server.host} did not say whether it took the mail.`, {
      cause,
    });
  if (code === "EENVELOPE")
    return new RejectedError(`The SMTP server ${server.host} cannot send to that address.`, { cause });
  return new TemporaryError(
    `The SMTP server ${server.host} cannot be reached, or left in the middle (${code || "no answer"}).`,
    { cause },
  );
}
