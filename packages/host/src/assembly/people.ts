/** Links between a person's ids, as the owner makes them, and what follows: roles, rates and budgets are one person's. */
import type { Budgets } from "../budgets/budgets.ts";
import type { SenderId } from "../core/ids.ts";
import type { HttpPeople } from "../http/host.ts";
import type { People } from "../store/people.ts";

const OWNER = "the owner";

/** @param isOwner by the configuration or by pairing, under this id itself or another of the person's */
export function openPeopleDesk(
  people: People,
  budgets: Pick<Budgets, "regroup">,
  isOwner: (sender: SenderId) => Promise<boolean>,
): HttpPeople {
  async function shown({ name, senders }: { name: string; senders: readonly SenderId[] }) {
    const [first] = senders;
    return { name, senders, owner: first !== undefined && (await isOwner(first)) };
  }

  return {
    list: async () => await Promise.all(people.list().map(shown)),

    async link(senders, name) {
      const person = await people.link(senders, name, OWNER);
      await budgets.regroup();
      return await shown(person);
    },

    async unlink(sender) {
      await people.unlink(sender, OWNER);
      await budgets.regroup();
    },
  };
}
