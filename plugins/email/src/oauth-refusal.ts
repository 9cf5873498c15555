/** An authorization server says no: what that means, and what whoever owns the account can do about it. */
import { ConfigError } from "@bellhop/sdk";
import { z } from "zod";

export const Refused = z.object({
  error: z.string().regex(/^[\w.-]{1,64}$/),
  error_description: z.string().optional(),
});
type Refused = z.infer<typeof Refused>;

/** The server says no. */
export class OauthRefusal extends ConfigError {
  /** As in RFC 6749, 5.2 and RFC 8628, 3.5. */
  readonly code: string;
  constructor(message: string, { code, ...options }: ErrorOptions & { code: string }) {
    super(message, options);
    this.code = code;
  }
}

/** RFC 6749, 4.1.2.1, which some servers say of tokens too. */
export function isPassing({ error }: Refused): boolean {
  return error === "temporarily_unavailable" || error === "server_error";
}

/** One line, in all that shows one. */
const MOST_WORDS = 300;

/** @param secrets that it was sent: its words are not shown where one is in them */
export function refusalOf(
  who: string,
  { error: code, error_description: words = "" }: Refused,
  secrets: readonly string[],
): OauthRefusal {
  const does = `${who} ${adviceFor(code)} (${code}).`;
  const said = words.replaceAll(/[\p{Cc}\s]+/gu, " ").trim();
  const isShown = said !== "" && !secrets.some((one) => said.includes(one));
  return new OauthRefusal(isShown ? `${does} It says: ${said}`.slice(0, MOST_WORDS) : does, { code });
}

function adviceFor(code: string): string {
  switch (code) {
    case "invalid_grant":
    case "interaction_required": // Microsoft's, where a person has to do something
    case "consent_required":
    case "login_required":
      return "does not take this sign-in any more: connect again with bellhop channels connect email";
    case "invalid_client":
    case "unauthorized_client":
      return "does not take the app: look at its client id and secret, and at what it was allowed when it was registered (docs/email.md)";
    case "invalid_scope":
      return "does not give such tokens to the app: look at what it was allowed when it was registered (docs/email.md)";
    case "access_denied":
    case "authorization_declined": // Microsoft's word for it
      return "was told no by whoever signed in: connect again, if that was not meant";
    case "expired_token":
      return "was not told the code in time: connect again";
    default:
      return "says no";
  }
}
