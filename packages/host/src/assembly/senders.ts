/** Who may speak: the allowlist beside the home, and the desk where the owner decides on strangers. */
import { randomBytes } from "node:crypto";
import { createSenders, type SendersParts } from "../admission/senders.ts";
import type { Notices } from "../outbox/notices.ts";
import { openSenderAllowlist } from "../policy/sender-allowlist.ts";
import { createNewcomers } from "../store/newcomers.ts";
import type { Agents } from "./agents.ts";
import type { Ground } from "./ground.ts";
import type { Records } from "./records.ts";

export async function openSenders(
  { config, clock, log, db, opened }: Ground,
  { groups }: Records,
  { choices }: Pick<Agents, "choices">,
  notices: Notices,
  { admit, deliver }: Pick<SendersParts, "admit" | "deliver">,
) {
  const allowlist = await openSenderAllowlist({
    directory: config.policies,
    onProblems(problems) {
      const told = problems.length === 0 ? "The sender allowlist is whole again." : problems.join("\n");
      void notices.tell(`senders:${clock.now()}`, told); // each change of what is wrong is news
    },
    clock,
    log,
  });
  opened.defer(allowlist.close);

  const senders = createSenders({
    store: createNewcomers(db, clock),
    owners: config.owners,
    admit,
    async furnish(group) {
      await groups.ensure(group);
      await choices.refresh(); // the commit that let them in has made the group of a guest one that exists
    },
    tell: (key, text, offer) => notices.tell(key, text, undefined, offer),
    deliver,
    random: randomBytes,
    clock,
    log,
  });
  opened.defer(senders.close);
  return { allowlist, senders };
}
