/** Discord for Bellhop: direct messages, servers and threads, by as many bots as have a token (docs/discord.md). */
import { createWire, definePlugin } from "@bellhop/sdk";
import { connect } from "./auth.ts";
import { createDiscord } from "./channel.ts";
import { planOf } from "./settings.ts";

export default definePlugin(({ settings, environment, log, signal }) => {
  const plan = planOf(settings, environment);
  const wire = createWire(signal);
  const { apiRoot, allowPlain } = plan;
  return {
    channels: plan.bots.map(({ account, token }) =>
      createDiscord({
        account,
        token,
        apiRoot,
        allowPlain,
        wire,
        now: Date.now,
        random: Math.random,
        log,
      }),
    ),
    auth: () => connect({ plan, environment, wire, signal }),
  };
});
