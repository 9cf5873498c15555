/** Connects a number: asks for what Meta's console shows, looks whether it fits together, and says what to set there. */
import { type AuthFlow, ConfigError, nextNumber, numberedVariable, type Wire } from "@bellhop/sdk";
import { createGraph } from "./graph.ts";
import { profileOf } from "./number.ts";
import { callbackPath, NUMBERS, type Plan } from "./settings.ts";

export interface AuthParts {
  readonly plan: Pick<Plan, "graphUrl" | "publicUrl">;
  readonly environment: Readonly<Record<string, string>>;
  readonly wire: Pick<Wire, "fetch" | "open">;
  readonly randomId: () => string;
  readonly signal: AbortSignal;
}

const NUMBER_ID = `At https://developers.facebook.com make an app with WhatsApp (docs/whatsapp-cloud.md has each step). Its page "API setup" shows the phone number id, which is not the number: paste it here.`;
const TOKEN = `The access token. In Business settings make a system user with the app and the WhatsApp account, and a token of theirs that never ends, with the rights whatsapp_business_messaging and whatsapp_business_management. The one on the page "API setup" ends after a day.`;
const SECRET = `The app secret, under App settings, Basic: what Meta posts here is signed with it.`;

/** The first number is the account without a name; each further one takes the next variables that are free. */
export async function* connect({ plan, environment, wire, randomId, signal }: AuthParts): AuthFlow {
  const number = nextNumber({ ...NUMBERS, environment });
  const [idName, tokenName, secretName, verifyName] = NUMBERS.variables.map((variable) =>
    numberedVariable(variable, number),
  ) as [string, string, string, string]; // as many as there are variables
  const answer = (given: string | undefined, form: RegExp, wrong: string): string => {
    const text = given?.trim() ?? "";
    if (!form.test(text)) throw new ConfigError(wrong);
    return text;
  };
  const phoneNumberId = answer(
    yield { step: "ask", name: idName, secret: false, text: NUMBER_ID },
    /^\d{5,25}$/,
    "That is no phone number id: it has digits alone, and stands below the number on the page API setup.",
  );
  const token = answer(
    yield { step: "ask", name: tokenName, secret: true, text: TOKEN },
    /^\S{20,1000}$/,
    "That is no access token of Meta's.",
  );
  const appSecret = answer(
    yield { step: "ask", name: secretName, secret: true, text: SECRET },
    /^[0-9a-f]{32}$/,
    "That is no app secret: it has 32 digits and letters a to f, and stands under App settings, Basic.",
  );
  yield { step: "wait", text: "Asking WhatsApp whose number that is …" };
  const graph = createGraph({ url: plan.graphUrl, phoneNumberId, token, appSecret, wire });
  const { display_phone_number, verified_name } = await profileOf(graph, signal);
  const verifyToken = randomId();
  const account = number === 1 ? "" : String(number);
  const address = `${plan.publicUrl ?? "https://YOUR-ADDRESS"}${callbackPath(account)}`;
  yield {
    step: "code",
    code: verifyToken,
    text: `The verify token, for Meta's console. Keep it for the last step.`,
  };
  yield {
    step: "done",
    account: display_phone_number,
    text: `Connected as ${verified_name ?? "a number without a name"}, ${display_phone_number}. Now, in the app's page "Configuration", set the callback URL ${address} and the verify token above, press "Verify and save", and subscribe to the field messages. ${plan.publicUrl === undefined ? "The address is the one under which your Bellhop is reached from outside, by https (setting publicUrl)." : ""}`.trim(),
    keep: {
      [idName]: phoneNumberId,
      [tokenName]: token,
      [secretName]: appSecret,
      [verifyName]: verifyToken,
    },
  };
}
