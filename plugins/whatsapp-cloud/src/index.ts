/**
 * WhatsApp for Bellhop by Meta's Cloud API: chats of one person with a business number, for as many numbers as are
 * connected (docs/whatsapp-cloud.md).
 */
import { createWire, definePlugin } from "@bellhop/sdk";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { connect } from "./auth.ts";
import { createNumber } from "./number.ts";
import { openPeople } from "./people.ts";
import { planOf } from "./settings.ts";
import { createWebhook } from "./webhook.ts";

export default definePlugin(({ settings, environment, folder, log, signal }) => {
  const plan = planOf(settings, environment);
  const people = openPeople(join(folder, "people.db"));
  signal.addEventListener("abort", () => people.close(), { once: true });
  const wire = createWire(signal);
  const numbers = plan.numbers.map(({ account, credentials, verifyToken }) => ({
    account,
    ...credentials,
    verifyToken,
    ...createNumber({
      ...plan,
      wire,
      account,
      credentials,
      people: people.of(account),
      now: Date.now,
      log,
    }),
  }));
  return {
    channels: numbers.map(({ channel }) => channel),
    routes: createWebhook(numbers, log),
    auth: () => connect({ plan, environment, wire, randomId: randomUUID, signal }),
  };
});
