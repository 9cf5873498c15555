/**
 * How an account is connected: steps that are shown to its owner in the terminal or on a page, whatever the
 * platform. An adapter yields what is to be shown or asked, and is given the answer.
 */
export type AuthStep =
  /** Asks for something: a token, a phone number, a code. The answer is what `next` is given. */
  | {
      readonly step: "ask";
      /** The variable or setting that it becomes: `TELEGRAM_BOT_TOKEN`. */
      readonly name: string;
      /** Its last line is the question; those before say what it is about. */
      readonly text: string;
      /** It is not shown while it is typed, and is kept as a secret. */
      readonly secret: boolean;
      /** Nothing may be answered too, where the text says what that means. */
      readonly optional?: boolean | undefined;
    }
  /** `content` is drawn as a QR code; a later one replaces it. */
  | { readonly step: "qr"; readonly content: string; readonly text: string }
  /** A code that its owner types into the platform's own app. */
  | { readonly step: "code"; readonly code: string; readonly text: string }
  /** Something goes on; nothing is asked. */
  | { readonly step: "wait"; readonly text: string }
  /** It is connected. `keep`: what is written to the home's `.env` (secrets) for the next start. */
  | {
      readonly step: "done";
      readonly account: string;
      readonly text: string;
      readonly keep?: Readonly<Record<string, string>> | undefined;
    };

/** Ends with `done`, or throws a ConfigError that says why it cannot be connected. */
export type AuthFlow = AsyncGenerator<AuthStep, void, string | undefined>;
