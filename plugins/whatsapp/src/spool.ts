/**
 * What WhatsApp has sent and Bellhop does not have yet (G1).
 *
 * Baileys acknowledges a message before it hands it out, and the key that opened it opens it no second time. So what
 * comes is written down here first, closed as it is, before Baileys sees it; and what was inside is written in the
 * same transaction as the key that it used up. It goes once Bellhop has it on its own disk. What is left over, because
 * we died in between, is given to Baileys again at the next connection, as if it came then; where there will be none,
 * since the device was unlinked, it is opened without one (left-over.ts).
 */
import { createHash } from "node:crypto";
import type {
  BinaryNode,
  SignalDataSet,
  SignalRepositoryWithLIDStore,
  SocketConfig,
  WAMessageKey,
} from "baileys";
import { baileys } from "./baileys.ts";
import type { Store } from "./store.ts";

/** What was given to Baileys so often, and nothing came of it, is nothing. */
const MOST_TRIES = 10;
/** Among the Signal keys, so that it is kept with them. */
const OPENED = "bellhop-opened";

export async function createSpool({ db, inOne }: Store) {
  const { decodeBinaryNode, encodeBinaryNode, jidNormalizedUser } = await baileys();
  const put = db.prepare(
    `insert into spool (chat, author, id, stanza) values (?, ?, ?, ?)
     on conflict (chat, author, id) do update set stanza = excluded.stanza`,
  );
  const remove = db.prepare("delete from spool where chat = ? and author = ? and id = ?");
  const begun = db.prepare(
    "update spool set tries = 0 where chat = ? and author = ? and id = ? and tries > 0",
  );
  const countTries = db.prepare("update spool set tries = tries + 1");
  const giveUp = db.prepare("delete from spool where tries > ?");
  const all = db.prepare("select stanza from spool order by number");
  const any = db.prepare("select 1 from spool limit 1");
  const forget = db.prepare("delete from keys where type = ?");

  const plain = (jid: string | null | undefined) => jidNormalizedUser(jid ?? undefined);

  return {
    /** @throws when it cannot be written: it must not be acknowledged then */
    put({ attrs, ...rest }: BinaryNode): void {
      const { id, from, recipient, participant } = attrs;
      if (id === undefined || from === undefined) return;
      put.run(plain(recipient ?? from), plain(participant), id, encodeBinaryNode({ attrs, ...rest }));
    },

    /** Bellhop has it, or it is nothing that Bellhop wants. */
    done({ remoteJid, participant, id }: WAMessageKey): void {
      inOne(() => {
        remove.run(plain(remoteJid), plain(participant), id ?? "");
        if (!any.get()) forget.run(OPENED);
      });
    },

    /** Baileys has made a message of it; whatever becomes of that, it is not given up. */
    begun({ remoteJid, participant, id }: WAMessageKey): void {
      begun.run(plain(remoteJid), plain(participant), id ?? "");
    },

    /** What is left over is given to Baileys again. @returns how many stanzas are given up instead, next time */
    tried: (): number =>
      inOne(() => {
        countTries.run();
        return Number(giveUp.run(MOST_TRIES).changes);
      }),

    /** Oldest first. */
    async leftOver(): Promise<BinaryNode[]> {
      const stanzas: BinaryNode[] = [];
      for (const { stanza } of all.all()) {
        // `any`-free: the column is a blob, `put` alone writes it.
        if (stanza instanceof Uint8Array) stanzas.push(await decodeBinaryNode(Buffer.from(stanza)));
      }
      return stanzas;
    },
  };
}

type MakeRepository = SocketConfig["makeSignalRepository"];

interface Transactions {
  get(type: string, ids: string[]): Promise<Record<string, unknown>> | Record<string, unknown>;
  set(data: SignalDataSet): Promise<void> | void;
  transaction<T>(work: () => Promise<T>, name: string): Promise<T>;
}

/** Baileys' own maker of repositories, of whose repositories each remembers what it has opened. */
export function rememberingRepository(make: MakeRepository): MakeRepository {
  return (signal, logger, find) => {
    const { keys } = signal;
    if (!("transaction" in keys)) throw new Error("Baileys gives keys without transactions");
    return remembering(make(signal, logger, find), {
      // A kind of our own: for the keys it is a name like any other.
      get: (type, ids) => keys.get(type as "session", ids),
      set: (data) => keys.set(data),
      transaction: (work, name) => keys.transaction(work, name),
    });
  };
}

/** The same ciphertext is opened once, and remembered with the key that it used up; then it opens as often as it is asked. */
export function remembering(
  repository: SignalRepositoryWithLIDStore,
  keys: Transactions,
): SignalRepositoryWithLIDStore {
  async function opened(
    ciphertext: Uint8Array,
    name: string,
    open: () => Promise<Uint8Array>,
  ): Promise<Uint8Array> {
    const id = createHash("sha256").update(name).update("\0").update(ciphertext).digest("base64");
    return await keys.transaction(async () => {
      const { [id]: known } = await keys.get(OPENED, [id]);
      if (known instanceof Uint8Array) return known;
      const content = Buffer.from(await open());
      await keys.set({ [OPENED]: { [id]: content } } as SignalDataSet); // a kind of our own among theirs
      return content;
    }, name);
  }

  return {
    ...repository,
    decryptMessage: (one) => opened(one.ciphertext, one.jid, () => repository.decryptMessage(one)),
    decryptGroupMessage: (one) => opened(one.msg, one.group, () => repository.decryptGroupMessage(one)),
  };
}
