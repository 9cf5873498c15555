/** E-mail for Bellhop: mailboxes of the assistant's own, by IMAP and SMTP (docs/email.md). */
import { definePlugin } from "@bellhop/sdk";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { createEmail } from "./channel.ts";
import { openLedger } from "./ledger.ts";
import { openLogins } from "./logins.ts";
import { planOf } from "./settings.ts";

export default definePlugin(async ({ settings, environment, folder, log, signal }) => {
  const plan = planOf(settings, environment);
  const now = Date.now;
  const loginOf = await openLogins(plan.accounts, { folder, now, log, signal });
  const channels = plan.accounts.map((account) => {
    const name = account.account === "" ? "default" : account.account;
    const ledger = openLedger(join(folder, `threads-${name}.db`));
    signal.addEventListener("abort", () => ledger.close(), { once: true });
    return createEmail({ account, login: loginOf(account), rules: plan.rules, ledger, now, log });
  });
  return {
    channels,
    async *auth(gone) {
      // Loaded when somebody connects one: most of the time nobody does.
      const [{ connect }, { setTimeout }] = await Promise.all([
        import("./auth.ts"),
        import("node:timers/promises"),
      ]);
      yield* connect({
        plan,
        environment,
        now,
        sleep: async (ms, until) => await setTimeout(ms, undefined, { signal: until }),
        random: randomBytes,
        signal: AbortSignal.any([signal, gone]),
      });
    },
  };
});
