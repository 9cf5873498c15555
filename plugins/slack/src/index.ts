/** Slack for Bellhop: channels, direct messages and threads, by as many apps as have tokens (docs/slack.md). */
import { createWire, definePlugin } from "@bellhop/sdk";
import { createSlack } from "./channel.ts";
import { planOf } from "./settings.ts";

export default definePlugin(({ settings, environment, log, signal }) => {
  const plan = planOf(settings, environment);
  const wire = createWire(signal);
  const { apiRoot, allowPlain } = plan;
  return {
    channels: plan.apps.map((app) => createSlack({ ...app, apiRoot, allowPlain, wire, now: Date.now, log })),
    async *auth() {
      const { connect } = await import("./auth.ts");
      yield* connect({ plan, environment, wire, signal });
    },
  };
});
