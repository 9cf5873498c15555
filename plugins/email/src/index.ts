/** E-mail for Bellhop: mailboxes of the assistant's own, by IMAP and SMTP (docs/email.md). */
import { definePlugin } from "@bellhop/sdk";
import { join } from "node:path";
import { connect } from "./auth.ts";
import { createEmail } from "./channel.ts";
import { openLedger } from "./ledger.ts";
import { planOf } from "./settings.ts";

export default definePlugin(({ settings, environment, folder, log, signal }) => {
  const plan = planOf(settings, environment);
  const channels = plan.accounts.map((account) => {
    const ledger = openLedger(
      join(folder, `threads-${account.account === "" ? "default" : account.account}.db`),
    );
    signal.addEventListener("abort", () => ledger.close(), { once: true });
    return createEmail({ account, rules: plan.rules, ledger, now: Date.now, log });
  });
  return { channels, auth: () => connect({ plan, environment, signal }) };
});
