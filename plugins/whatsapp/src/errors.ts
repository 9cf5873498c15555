/**
 * Why a connection ended or a message was not taken, in the contract's own classes:
 *
 * | what WhatsApp said                                       | it is                                       |
 * | -------------------------------------------------------- | ------------------------------------------- |
 * | 401, 419: the device was unlinked; 403: the number is blocked | ConfigError                            |
 * | 440: another program came with the same keys; 405: too old | ConfigError                               |
 * | 515: connect again                                       | nothing, see connection.ts                  |
 * | anything else of a connection                            | TemporaryError                              |
 * | a message: not connected; 429                            | TemporaryError                              |
 * | a message: no answer, or 5xx                             | UnknownOutcomeError (G14)                   |
 * | a message: any other number                              | RejectedError                               |
 */
import { BellhopError, ConfigError, RejectedError, TemporaryError, UnknownOutcomeError } from "@bellhop/sdk";
import { z } from "zod";

export const RESTART_REQUIRED = 515;
export const TIMED_OUT = 408;

/** As Baileys' errors carry the number. */
const WithStatus = z.object({ output: z.object({ statusCode: z.number() }) });

export function statusOf(error: unknown): number | undefined {
  return WithStatus.safeParse(error).data?.output.statusCode;
}

/** The link is gone: what is kept of it is of no use. */
export class UnlinkedError extends ConfigError {}

const AGAIN = "bellhop channels connect whatsapp";
export const NOT_LINKED = `No WhatsApp account is linked. Link one: ${AGAIN}`;

/** Of a connection that ended. */
export function ended(cause: unknown): BellhopError {
  if (cause instanceof BellhopError) return cause;
  const status = statusOf(cause) ?? 0;
  switch (status) {
    case 401:
    case 419:
      return new UnlinkedError(
        `WhatsApp has unlinked this device: somebody took it away in the phone's list of linked devices, or the phone was not online for two weeks. Link it again: ${AGAIN}`,
        { cause },
      );
    case 403:
      return new ConfigError(
        "WhatsApp has blocked this number, or does not let it link devices. Look into WhatsApp on its phone; another number may be needed.",
        { cause },
      );
    case 405:
      return new ConfigError(
        "WhatsApp does not take the version of WhatsApp Web that Bellhop says it is (405). Set `version` of the plugin to a newer one, such as [2, 3000, N]; docs/whatsapp.md says where to find it. Or update the plugin.",
        { cause },
      );
    case 411:
      return new ConfigError("The phone's WhatsApp is too old to link devices: update it.", { cause });
    case 440:
      return new ConfigError(
        "Another program uses this link with WhatsApp: it took the connection over. End the other one, or link each by itself.",
        { cause },
      );
    default:
      return new TemporaryError(`WhatsApp ended the connection, or cannot be reached (${status})`, {
        cause,
      });
  }
}

/** Of the number that a message was answered with. */
export function notTaken(code: number, slowMs: number): BellhopError {
  if (code === 429)
    return new TemporaryError("WhatsApp asks to send more slowly (429)", { retryAfterMs: slowMs });
  if (code >= 500) return new UnknownOutcomeError(`WhatsApp failed (${code}), and may have taken this`);
  if (code === 463)
    return new RejectedError(
      "WhatsApp does not let this number write to people who have not written to it (463). Let them write first.",
    );
  return new RejectedError(`WhatsApp does not take this (${code})`);
}

/** Baileys found no connection to write on: what it was given last was not written. */
const NOT_WRITTEN = 428;

/** Of a call of Baileys' that threw. @param sent something of it may have reached WhatsApp */
export function failed(what: string, cause: unknown, { sent }: { readonly sent: boolean }): BellhopError {
  if (cause instanceof BellhopError) return cause;
  const status = statusOf(cause);
  if (status === 403 || status === 404 || status === 406)
    return new RejectedError(`WhatsApp does not have that chat, or not for us (${status})`, { cause });
  if (sent && status !== NOT_WRITTEN)
    return new UnknownOutcomeError(`WhatsApp did not say whether it took ${what}`, { cause });
  return new TemporaryError(`WhatsApp could not be asked for ${what}`, { cause });
}
