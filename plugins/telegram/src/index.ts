/**
 * Telegram for Bellhop: private chats, groups and forum topics, by as many bots as have a token
 * (docs/telegram.md).
 */
import { createWire, definePlugin, type RouteRequest, type RouteResponse } from "@bellhop/sdk";
import { connect } from "./auth.ts";
import { createTelegram } from "./channel.ts";
import { planOf } from "./settings.ts";

export default definePlugin(({ settings, environment, log, signal }) => {
  const plan = planOf(settings, environment);
  const wire = createWire(signal);
  const accounts = plan.bots.map(({ account, token }) => {
    const { apiRoot, webhook } = plan;
    const url = webhook && `${webhook.url}/plugins/telegram/${account === "" ? "default" : account}`;
    return createTelegram({
      account,
      token,
      apiRoot,
      webhook: webhook && url !== undefined ? { url, secret: webhook.secret } : undefined,
      wire,
      now: Date.now,
      log,
    });
  });

  async function route(request: RouteRequest): Promise<RouteResponse> {
    const named = request.path === "/default" ? "" : request.path.slice(1);
    const account = accounts.find(({ channel }) => channel.account === named);
    return (await account?.webhook?.route(request)) ?? { status: 404 };
  }

  return {
    channels: accounts.map(({ channel }) => channel),
    auth: () => connect({ plan, environment, wire, signal }),
    routes: route,
  };
});
