/**
 * The login of the Claude program, shared with its owner's consent: the token that it left in its file, and a
 * new one before the old runs out.
 *
 * - There is never more than one renewal at once; whoever comes meanwhile waits for the same.
 * - A renewal may cost the old tokens. So the new ones are on the disk before anybody uses them, and only the
 *   fields that changed are written.
 * - The program itself renews too. Its file is read again before we renew, and after a renewal was refused.
 * - No token is ever in an error or in the log; each is made known as a secret before anything else is done.
 */
import { RejectedError, TemporaryError } from "@bellhop/sdk";
import { chown, readFile, realpath, stat } from "node:fs/promises";
import { z } from "zod";
import type { Clock } from "../core/clock.ts";
import { hasCode } from "../core/error-code.ts";
import { writeDurably } from "../home.ts";
import { parseJson } from "./failure.ts";

export interface Login {
  /**
   * The token to use now.
   * @throws RejectedError when somebody has to log in again, TemporaryError when it cannot be had just now
   */
  token(): Promise<string>;
  /** The service refused this one: another to try once, if there is any. Throws as `token` does. */
  afterRefusal(used: string): Promise<string | undefined>;
}

export interface ClaudeLoginParts {
  /** Such as `~/.claude/.credentials.json`. */
  readonly file: string;
  /** Where tokens are renewed. */
  readonly endpoint: URL;
  /** Every token, as soon as it is seen. */
  readonly learn: (secrets: readonly string[]) => void;
  readonly clock: Clock;
}

/** As the Claude program itself does it (CLI 2.1.330). */
export const TOKEN_ENDPOINT = new URL("https://platform.claude.com/v1/oauth/token");
const CLIENT_ID = "9d1c250a-e61b-44d9-88ed-5944d1962f5e";

/** Renewed so long before it runs out. */
const MARGIN_MS = 60_000;
/** A token of ours that is refused so soon is not refused for its age. */
const YOUNG_MS = 60_000;
const PATIENCE_MS = 15_000;

const Tokens = z.looseObject({
  accessToken: z.string().min(1),
  refreshToken: z.string().min(1).nullish(),
  /** ms since 1970 */
  expiresAt: z.number().nullish(),
});
const LoginFile = z.looseObject({ claudeAiOauth: Tokens });
type LoginFile = z.infer<typeof LoginFile>;
type Tokens = z.infer<typeof Tokens>;

const Renewal = z.object({
  access_token: z.string().min(1),
  refresh_token: z.string().min(1).optional(),
  /** Seconds. */
  expires_in: z.number().positive(),
});

export function createClaudeLogin({ file, endpoint, learn, clock }: ClaudeLoginParts): Login {
  let held: Tokens | undefined;
  /** Renewed, and not on the disk yet: the old ones may be void by now. */
  let unsaved: Tokens | undefined;
  let renewedAt = -Infinity;
  let renewing: Promise<string> | undefined;

  const again = `Log in again with the Claude program (claude /login), or take models.claudeLogin out of config.yaml.`;
  const isFresh = ({ expiresAt }: Tokens) => !expiresAt || expiresAt > clock.now() + MARGIN_MS;

  async function readLogin(): Promise<LoginFile> {
    let text: string;
    try {
      text = await readFile(file, "utf8");
    } catch (cause) {
      if (hasCode(cause, "ENOENT")) throw new RejectedError(`There is no Claude login at ${file}. ${again}`);
      throw new TemporaryError(`The Claude login at ${file} cannot be read.`, { cause });
    }
    const parsed = LoginFile.safeParse(parseJson(text));
    // Without the cause, which may quote a token.
    if (!parsed.success) throw new RejectedError(`${file} holds no Claude login that we can read. ${again}`);
    const { accessToken, refreshToken } = parsed.data.claudeAiOauth;
    learn([accessToken, ...(refreshToken ? [refreshToken] : [])]);
    return parsed.data;
  }

  async function save(tokens: Tokens): Promise<void> {
    unsaved = tokens;
    const now = await readLogin();
    const { accessToken, refreshToken, expiresAt } = tokens;
    const merged = { ...now, claudeAiOauth: { ...now.claudeAiOauth, accessToken, refreshToken, expiresAt } };
    try {
      const target = await realpath(file); // a link stays a link
      const { uid, gid } = await stat(target);
      await writeDurably(target, `${JSON.stringify(merged, null, 2)}\n`);
      if (uid !== process.getuid?.()) await chown(target, uid, gid); // root leaves it to whom it belongs
    } catch (cause) {
      throw new TemporaryError(`The renewed Claude login cannot be written to ${file}.`, { cause });
    }
    unsaved = undefined;
  }

  /** @throws TemporaryError; undefined where the service refuses to */
  async function ask(refreshToken: string): Promise<z.infer<typeof Renewal> | undefined> {
    let response: Response;
    let body: string;
    try {
      response = await fetch(endpoint, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({
          grant_type: "refresh_token",
          refresh_token: refreshToken,
          client_id: CLIENT_ID,
        }),
        redirect: "error",
        signal: AbortSignal.timeout(PATIENCE_MS),
      });
      body = await response.text();
    } catch (cause) {
      throw new TemporaryError(`The Claude login cannot be renewed: ${endpoint.host} does not answer.`, {
        cause,
      });
    }
    if (response.status === 400 || response.status === 401 || response.status === 403) return undefined;
    const parsed = Renewal.safeParse(parseJson(body));
    if (response.ok && parsed.success) return parsed.data;
    throw new TemporaryError(
      `The Claude login cannot be renewed: ${endpoint.host} answered ${response.status}.`,
    );
  }

  /** One that is not `stale`, from the file if the program has renewed it, else from the service. */
  async function renew(stale: string): Promise<string> {
    const found = (await readLogin()).claudeAiOauth;
    if (found.accessToken !== stale && isFresh(found)) {
      unsaved = undefined; // somebody has logged in since
      return hold(found);
    }
    if (unsaved) return await adopt(unsaved);
    const old = found.refreshToken;
    if (!old) throw new RejectedError(`The Claude login has run out and cannot be renewed. ${again}`);
    const renewal = await ask(old);
    if (!renewal) {
      // The program may have been quicker, and a token that renews is good once.
      const now = (await readLogin()).claudeAiOauth;
      if (now.accessToken !== found.accessToken && isFresh(now)) return hold(now);
      throw new RejectedError(`The Claude login is no longer valid. ${again}`);
    }
    const { access_token: accessToken, refresh_token: refreshToken = old, expires_in: seconds } = renewal;
    learn([accessToken, refreshToken]);
    return await adopt({ accessToken, refreshToken, expiresAt: clock.now() + seconds * 1_000 });
  }

  async function adopt(tokens: Tokens): Promise<string> {
    await save(tokens);
    renewedAt = clock.monotonic();
    return hold(tokens);
  }

  function hold(tokens: Tokens): string {
    held = tokens;
    return tokens.accessToken;
  }

  function renewed(stale: string): Promise<string> {
    renewing ??= renew(stale).finally(() => (renewing = undefined));
    return renewing;
  }

  return {
    async token() {
      held ??= (await readLogin()).claudeAiOauth;
      return isFresh(held) ? held.accessToken : await renewed(held.accessToken);
    },
    async afterRefusal(used) {
      if (held && held.accessToken !== used) return held.accessToken;
      if (clock.monotonic() - renewedAt < YOUNG_MS) return undefined;
      return await renewed(used);
    },
  };
}
