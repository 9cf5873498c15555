/**
 * Credentials and Signal keys, as Baileys wants them kept.
 *
 * - What Baileys sets at once is one transaction: a conversation's new key and the words that it opened are both
 *   there, or neither.
 * - They are JSON as Baileys itself writes it, its buffers included.
 */
import type { AuthenticationCreds, SignalDataSet, SignalDataTypeMap, SignalKeyStore } from "baileys";
import { baileys } from "./baileys.ts";
import type { Store } from "./store.ts";

export type Keys = Awaited<ReturnType<typeof createKeys>>;

export async function createKeys({ db, inOne }: Store) {
  const { BufferJSON, initAuthCreds, proto } = await baileys();
  const readCreds = db.prepare("select value from creds");
  const writeCreds = db.prepare("insert or replace into creds (one, value) values (1, ?)");
  const read = db.prepare("select value from keys where type = ? and id = ?");
  const write = db.prepare("insert or replace into keys (type, id, value) values (?, ?, ?)");
  const remove = db.prepare("delete from keys where type = ? and id = ?");

  function parse(type: string, text: unknown): unknown {
    const value: unknown = JSON.parse(String(text), BufferJSON.reviver);
    if (type !== "app-state-sync-key" || typeof value !== "object" || value === null) return value;
    return proto.Message.AppStateSyncKeyData.fromObject(value);
  }

  const keys: SignalKeyStore = {
    get<T extends keyof SignalDataTypeMap>(type: T, ids: string[]): { [id: string]: SignalDataTypeMap[T] } {
      const found = ids.flatMap((id) => {
        const row = read.get(type, id);
        return row ? [[id, parse(type, row["value"])] as const] : [];
      });
      return Object.fromEntries(found) as { [id: string]: SignalDataTypeMap[T] }; // as Baileys gave them to `set`
    },
    set(data: SignalDataSet): void {
      inOne(() => {
        for (const [type, values] of Object.entries(data)) {
          for (const [id, value] of Object.entries(values)) {
            if (value === null || value === undefined) remove.run(type, id);
            else write.run(type, id, JSON.stringify(value, BufferJSON.replacer));
          }
        }
      });
    },
  };

  return {
    keys,

    /** Those that are kept, or new ones that belong to no account. */
    creds(): AuthenticationCreds {
      const row = readCreds.get();
      // What was written is what `save` was given.
      return row ? (parse("creds", row["value"]) as AuthenticationCreds) : initAuthCreds();
    },

    save(creds: AuthenticationCreds): void {
      writeCreds.run(JSON.stringify(creds, BufferJSON.replacer));
    },

    /** The account is not ours any more: its keys are good for nothing. */
    forget(): void {
      inOne(() => db.exec("delete from creds; delete from keys; delete from spool"));
    },
  };
}

/** Whether a phone has taken this device in. With a code half typed there is a name already, and no account. */
export function isLinked({ account, me }: AuthenticationCreds): boolean {
  return account !== undefined && me !== undefined;
}
