/**
 * People who are known by several ids, on one platform or on many. Who has only one id is not here.
 *
 * - A link is the owner's own act on this machine. No message and no tool makes one, because whoever holds one of
 *   the ids is what the person is: an owner under each of them, where one of them is an owner's.
 * - Kept in memory, since every message asks. Rows of messages and of usage keep the id that wrote, so that a link
 *   that is taken back changes nothing that was.
 */
import { RejectedError } from "@bellhop/sdk";
import type { Kysely } from "kysely";
import type { Clock } from "../core/clock.ts";
import type { SenderId } from "../core/ids.ts";
import type { Audit } from "./audit.ts";
import type { Database } from "./tables.ts";

export interface Person {
  readonly id: number;
  readonly name: string;
  /** The first one stands for the person where one id has to. */
  readonly senders: readonly [SenderId, ...SenderId[]];
}

/** More than anybody has, and few enough to be looked for with each message. */
const MOST_IDS = 20;

export type People = Awaited<ReturnType<typeof openPeople>>;

export async function openPeople(
  db: Kysely<Database>,
  clock: Pick<Clock, "now">,
  audit: Pick<Audit, "write">,
) {
  let people: readonly Person[] = [];
  let bySender = new Map<SenderId, Person>();

  async function refresh(): Promise<void> {
    people = await peopleIn(db);
    bySender = new Map(people.flatMap((person) => person.senders.map((sender) => [sender, person])));
  }
  await refresh();

  return {
    /** Undefined: somebody with one id. */
    of: (sender: SenderId): Person | undefined => bySender.get(sender),

    /** All ids of whoever has this one. */
    idsOf: (sender: SenderId): readonly SenderId[] => bySender.get(sender)?.senders ?? [sender],

    /** The id under which what they spend is counted. */
    payerOf: (sender: SenderId): SenderId => bySender.get(sender)?.senders[0] ?? sender,

    list: (): readonly Person[] => people,

    /**
     * From now on these are one person. Ids that were linked bring the others of their person along.
     * @throws RejectedError with a sentence for a person
     */
    async link(senders: readonly SenderId[], name: string | undefined, by: string): Promise<Person> {
      const before = senders.flatMap((sender) => bySender.get(sender) ?? []);
      // Whoever stood for the person stays the one.
      const ids = [...new Set([...before.flatMap((person) => person.senders), ...senders])];
      const [first] = ids;
      if (first === undefined || ids.length < 2)
        throw new RejectedError("A link takes two ids or more, such as telegram:7 and discord:9.");
      if (ids.length > MOST_IDS) throw new RejectedError(`A person has at most ${MOST_IDS} ids.`);
      for (const id of ids) if (/^(?:web|terminal):/.test(id)) throw new RejectedError(AT_THE_DESK);
      const now = clock.now();
      await db.transaction().execute(async (trx) => {
        const denied = await trx
          .selectFrom("senders")
          .select("id")
          .where("id", "in", ids)
          .where("standing", "=", "denied")
          .executeTakeFirst();
        if (denied)
          throw new RejectedError(
            `${denied.id} was turned away: let them in first, with bellhop senders allow ${denied.id}.`,
          );
        const called = name ?? before[0]?.name ?? (await nameOf(trx, ids));
        if (called === undefined)
          throw new RejectedError(
            "Nobody of them has a name here yet: say what they are called, with --name.",
          );
        await unlinkAll(trx, ids);
        const { id } = await trx
          .insertInto("people")
          .values({ name: called, created_at: now })
          .returning("id")
          .executeTakeFirstOrThrow();
        for (const sender_id of ids)
          await trx
            .insertInto("person_senders")
            .values({ sender_id, person_id: id, linked_at: now })
            .execute();
        await forgetLonely(trx);
        const detail = `${called}: ${ids.join(" ")}`;
        await audit.write(trx, {
          actor: by,
          groupId: null,
          action: "people.link",
          subject: `sender:${first}`,
          allowed: true,
          detail,
        });
      });
      await refresh();
      const made = bySender.get(first);
      if (!made) throw new Error(`the person with ${first} vanished while they were made`);
      return made;
    },

    /** This id is somebody of its own again. @throws RejectedError when it is linked with none */
    async unlink(sender: SenderId, by: string): Promise<void> {
      const person = bySender.get(sender);
      if (!person) throw new RejectedError(`${sender} is linked with no other id.`);
      await db.transaction().execute(async (trx) => {
        await unlinkAll(trx, [sender]);
        await forgetLonely(trx);
        const detail = `${person.name}: was one with ${person.senders.filter((id) => id !== sender).join(" ")}`;
        await audit.write(trx, {
          actor: by,
          groupId: null,
          action: "people.unlink",
          subject: `sender:${sender}`,
          allowed: true,
          detail,
        });
      });
      await refresh();
    },
  };
}

const AT_THE_DESK =
  "At the web chat and in the terminal it is the login that says who writes; ids of platforms are what can be linked.";

async function peopleIn(db: Kysely<Database>): Promise<Person[]> {
  const rows = await db
    .selectFrom("person_senders")
    .innerJoin("people", "people.id", "person_senders.person_id")
    .select(["people.id", "people.name", "person_senders.sender_id as sender"])
    .orderBy("person_senders.id")
    .execute();
  const people = new Map<number, Person>();
  for (const { id, name, sender } of rows) {
    const known = people.get(id);
    people.set(id, { id, name, senders: known ? [...known.senders, sender] : [sender] });
  }
  return [...people.values()];
}

/** As they called themselves when the owner decided on them. */
async function nameOf(trx: Kysely<Database>, ids: readonly SenderId[]): Promise<string | undefined> {
  const row = await trx
    .selectFrom("senders")
    .select("name")
    .where("id", "in", ids)
    .where("name", "<>", "")
    .orderBy("decided_at", "desc")
    .executeTakeFirst();
  return row?.name;
}

async function unlinkAll(trx: Kysely<Database>, ids: readonly SenderId[]): Promise<void> {
  await trx.deleteFrom("person_senders").where("sender_id", "in", ids).execute();
}

/** Who has fewer than two ids is like everybody else. */
async function forgetLonely(trx: Kysely<Database>): Promise<void> {
  const lonely = await trx
    .selectFrom("people")
    .leftJoin("person_senders", "person_senders.person_id", "people.id")
    .select("people.id")
    .groupBy("people.id")
    .having((eb) => eb(eb.fn.count("person_senders.id"), "<", 2))
    .execute();
  const ids = lonely.map(({ id }) => id);
  if (ids.length === 0) return;
  await trx.deleteFrom("person_senders").where("person_id", "in", ids).execute();
  await trx.deleteFrom("people").where("id", "in", ids).execute();
}
