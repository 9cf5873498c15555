/** Connects an app: shows what to make it from, asks for its two tokens, and looks what they may do. */
import { type AuthFlow, ConfigError, nextNumber, numberedVariable, type Wire } from "@bellhop/sdk";
import { z } from "zod";
import { APP_MANIFEST, SCOPES } from "./app-manifest.ts";
import { createWebApi } from "./api.ts";
import { ScopeError } from "./errors.ts";
import { APPS, type Plan } from "./settings.ts";

const HOW = `Make an app of your own at https://api.slack.com/apps: Create New App, From a manifest, choose the workspace, and paste this:

${APP_MANIFEST}
Then choose Install App, and install it to the workspace. It shows a Bot User OAuth Token that begins with xoxb-. Paste it here.`;

const AND_THEN = `On the app's page choose Basic Information, App-Level Tokens, Generate; add the scope connections:write. It shows a token that begins with xapp-. Paste it here.`;

const Who = z.object({ team: z.string(), user: z.string(), scopes: z.string().optional() });

export interface AuthParts {
  readonly plan: Pick<Plan, "apiRoot">;
  readonly environment: Readonly<Record<string, string>>;
  readonly wire: Pick<Wire, "fetch" | "open">;
  readonly signal: AbortSignal;
}

/** The first app is the account without a name; each further one takes the next variables that are free. */
export async function* connect({ plan, environment, wire, signal }: AuthParts): AuthFlow {
  const number = nextNumber({ ...APPS, environment });
  const [bot, app] = [
    numberedVariable(APPS.variables[0], number),
    numberedVariable(APPS.variables[1], number),
  ];
  const botToken = (yield { step: "ask", name: bot, secret: true, text: HOW })?.trim() ?? "";
  if (!/^xoxb-[\w-]{10,}$/.test(botToken))
    throw new ConfigError(
      "That is no bot token of Slack's: it begins with xoxb-, and stands under Install App.",
    );
  const appToken = (yield { step: "ask", name: app, secret: true, text: AND_THEN })?.trim() ?? "";
  if (!/^xapp-[\w-]{10,}$/.test(appToken))
    throw new ConfigError(
      "That is no app-level token of Slack's: it begins with xapp-, and stands under Basic Information.",
    );
  yield { step: "wait", text: "Asking Slack who that is …" };
  const api = (token: string) => createWebApi({ token, root: plan.apiRoot, wire });
  const who = await api(botToken).call("auth.test", {}, Who, signal);
  const granted = who.scopes?.split(/\s*,\s*/);
  const missing = SCOPES.filter((scope) => granted?.includes(scope) === false);
  if (missing.length > 0)
    throw new ConfigError(
      `The app lacks scopes: ${missing.join(", ")}. Add them under OAuth & Permissions, install it again, and connect again.`,
    );
  await mayListen(() =>
    api(appToken).call("apps.connections.open", {}, z.object({ url: z.string() }), signal),
  );
  yield {
    step: "done",
    account: `${who.user} (${who.team})`,
    text: `Connected as ${who.user} in ${who.team}. Write to it under Apps, or invite it to a channel: /invite @${who.user}. In channels it is called by its name; its commands are /bellhop stop, /bellhop status and so on.`,
    keep: { [bot]: botToken, [app]: appToken },
  };
}

/** @throws ConfigError the app token may not */
async function mayListen(call: () => Promise<unknown>): Promise<void> {
  try {
    await call();
  } catch (error) {
    if (!(error instanceof ScopeError)) throw error;
    throw new ConfigError(
      "The app-level token lacks the scope connections:write: generate another one with it, and connect again.",
      { cause: error },
    );
  }
}
