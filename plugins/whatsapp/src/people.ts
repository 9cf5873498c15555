/**
 * Who is who. WhatsApp names the same person by their phone number and by a LID, which says nothing of the number,
 * and uses now the one and now the other. Here each has one id, for ever: the digits of the number where it was known
 * when they were first seen, else `DIGITS@lid`. So a chat stays the chat that it was, whatever is learnt later.
 */
import type { Store } from "./store.ts";

export type People = ReturnType<typeof createPeople>;

interface Person {
  readonly native: string;
  readonly phone: string | null;
  readonly lid: string | null;
  readonly name: string | null;
}

/** What is known of somebody by one message. */
export interface Names {
  /** Any address: `49…@s.whatsapp.net`, `12…@lid`, with or without a device. */
  readonly jid: string;
  readonly alt?: string | null | undefined;
  readonly name?: string | null | undefined;
}

export function createPeople({ db, inOne }: Store) {
  const byPhone = db.prepare("select * from people where phone = ?");
  const byLid = db.prepare("select * from people where lid = ?");
  const byNative = db.prepare("select * from people where native = ?");
  const write = db.prepare("insert or replace into people (native, phone, lid, name) values (?, ?, ?, ?)");
  const remove = db.prepare("delete from people where native = ?");

  const row = (found: object | undefined) => found as Person | undefined; // the columns of the table

  function learn(phone: string | undefined, lid: string | undefined, name: string | undefined): string {
    const known = phone === undefined ? undefined : row(byPhone.get(phone));
    const other = lid === undefined ? undefined : row(byLid.get(lid));
    const before = known ?? other;
    const after = {
      native: before?.native ?? phone ?? `${lid}@lid`,
      phone: phone ?? before?.phone ?? null,
      lid: lid ?? before?.lid ?? null,
      name: name ?? before?.name ?? other?.name ?? null,
    };
    const same =
      before &&
      (known === undefined || other === undefined || known.native === other.native) &&
      before.phone === after.phone &&
      before.lid === after.lid &&
      before.name === after.name;
    if (same) return before.native;
    inOne(() => {
      // Seen by both before anybody said that they are one: the number is who they are from now on.
      if (known && other && known.native !== other.native) remove.run(other.native);
      write.run(after.native, after.phone, after.lid, after.name);
    });
    return after.native;
  }

  return {
    /** The id of a person; undefined where the address is nobody's. */
    idOf({ jid, alt, name }: Names): string | undefined {
      const [one, two] = [split(jid), split(alt)];
      if (!one) return undefined;
      if (one.server !== PHONE && one.server !== LID) return `${one.user}@${one.server}`;
      const of = (server: string) => [one, two].find((address) => address?.server === server)?.user;
      return learn(of(PHONE), of(LID), name === "" ? undefined : (name ?? undefined));
    },

    /** Where they are reached: by their number, where that is known. */
    jidOf(native: string): string | undefined {
      const person = row(byNative.get(native));
      if (person?.phone) return `${person.phone}@${PHONE}`;
      if (person?.lid) return `${person.lid}@${LID}`;
      if (/^\d{3,20}$/.test(native)) return `${native}@${PHONE}`;
      return /^\d{3,20}@(?:lid|bot)$/.test(native) ? native : undefined;
    },

    /** Whether anything of them came before. */
    isKnown: (native: string): boolean => byNative.get(native) !== undefined,

    nameOf: (native: string): string | undefined => row(byNative.get(native))?.name ?? undefined,
  };
}

const PHONE = "s.whatsapp.net";
const LID = "lid";

/** Without its device; `undefined` where it is no address of a person. */
function split(
  jid: string | null | undefined,
): { readonly user: string; readonly server: string } | undefined {
  const [, user, server] = /^(\d+)(?:_\d+)?(?::\d+)?@([a-z.]+)$/.exec(jid ?? "") ?? [];
  if (user === undefined || server === undefined) return undefined;
  return {
    user,
    server: server === "c.us" || server === "hosted" ? PHONE : server === "hosted.lid" ? LID : server,
  };
}
