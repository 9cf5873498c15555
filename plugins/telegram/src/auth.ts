/** Connects a bot: asks for its token, and looks whether Telegram knows it. */
import { type AuthFlow, ConfigError, nextNumber, numberedVariable, type Wire } from "@bellhop/sdk";
import { createBotApi } from "./api.ts";
import { BOTS, type Plan } from "./settings.ts";
import { Me } from "./update.ts";

const TOKEN = /^\d{3,20}:[A-Za-z0-9_-]{20,100}$/;

const HOW = `In Telegram write to @BotFather, send /newbot, and choose a name and a username that ends in "bot". It answers with a token such as 123456:ABC-DEF. Paste it here.`;

export interface AuthParts {
  readonly plan: Pick<Plan, "apiRoot">;
  readonly environment: Readonly<Record<string, string>>;
  readonly wire: Pick<Wire, "fetch" | "open">;
  readonly signal: AbortSignal;
}

/** The first bot is the account without a name; each further one takes the next variable that is free. */
export async function* connect({ plan, environment, wire, signal }: AuthParts): AuthFlow {
  const name = numberedVariable(BOTS.variables[0], nextNumber({ ...BOTS, environment }));
  const token = (yield { step: "ask", name, secret: true, text: HOW })?.trim() ?? "";
  if (!TOKEN.test(token)) throw new ConfigError("That is no token of a Telegram bot; ask @BotFather for it.");
  yield { step: "wait", text: "Asking Telegram who that is …" };
  const api = createBotApi({ token, apiRoot: plan.apiRoot, wire });
  const me = Me.parse(await api.call("getMe", (raw, within) => raw.getMe(within), signal));
  yield {
    step: "done",
    account: `@${me.username}`,
    text: `Connected as @${me.username}. Write to it: https://t.me/${me.username}. ${inGroups(me)}`,
    keep: { [name]: token },
  };
}

function inGroups({ can_read_all_group_messages }: Me): string {
  if (can_read_all_group_messages === true) return "In groups it sees everything that is written.";
  return `In groups it sees only what names it, answers it or is a command. To let it see everything: send @BotFather /setprivacy, choose the bot, Disable; then take it out of its groups and add it again. To let it see reactions, make it an admin of the group.`;
}
