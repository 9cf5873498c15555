/** Connects a bot: asks for its token, looks what Discord knows of it, and says how to invite it. */
import { type AuthFlow, ConfigError, nextNumber, numberedVariable, type Wire } from "@bellhop/sdk";
import { createApi } from "./api.ts";
import { Application, User, nameOf } from "./events.ts";
import { BOTS, type Plan } from "./settings.ts";

const TOKEN = /^[\w-]{20,40}\.[\w-]{4,10}\.[\w-]{20,80}$/;

const HOW = `At discord.com/developers/applications make a New Application. Under Bot, switch on Message Content Intent (Privileged Gateway Intents) and save; then Reset Token, and paste the token here.`;

/** Of an application: it may read what people write; as a bot in few servers, or as a verified one. */
const MAY_READ = (1 << 18) | (1 << 19);

/** View Channels, Send Messages, also in Threads, Embed Links, Attach Files, Read Message History, Add Reactions. */
const PERMISSIONS = [10, 11, 38, 14, 15, 16, 6].reduce((sum, bit) => sum | (1n << BigInt(bit)), 0n);

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
  if (!TOKEN.test(token))
    throw new ConfigError(
      "That is no token of a Discord bot. It is at discord.com/developers/applications, under Bot: Reset Token.",
    );
  yield { step: "wait", text: "Asking Discord who that is …" };
  const api = createApi({ token, apiRoot: plan.apiRoot, wire });
  const me = await api.ask({ method: "GET", path: "/users/@me", what: "who the bot is" }, User, signal);
  const { id, flags } = await api.ask(
    { method: "GET", path: "/applications/@me", what: "what the bot may do" },
    Application,
    signal,
  );
  const invite = `https://discord.com/oauth2/authorize?client_id=${id}&scope=bot+applications.commands&permissions=${PERMISSIONS}`;
  const intents =
    (flags & MAY_READ) === 0
      ? ` It may not read messages yet: at discord.com/developers/applications, under Bot, Privileged Gateway Intents, switch on Message Content Intent and save. Until then it is not connected.`
      : "";
  yield {
    step: "done",
    account: nameOf(me),
    text: `Connected as ${nameOf(me)}. Invite it to a server with ${invite} and write to it there or in a direct message.${intents}`,
    keep: { [name]: token },
  };
}
