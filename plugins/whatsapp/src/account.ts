/** An account as it lies in its file, opened when it is first needed: without one, a plugin costs next to nothing. */
import { createKeys } from "./keys.ts";
import { createMessages } from "./messages.ts";
import { createPeople } from "./people.ts";
import { createSpool } from "./spool.ts";
import { openStore } from "./store.ts";

export type Account = Awaited<ReturnType<typeof openAccount>>;

/**
 * @param folder the plugin's own
 * @param number of the account, from 1
 */
export async function openAccount(folder: string, now: () => number, number = 1) {
  const store = openStore(folder, number);
  return {
    keys: await createKeys(store),
    spool: await createSpool(store),
    people: createPeople(store),
    messages: createMessages(store, now),
    close: store.close,
  };
}

/** Opens it once, for all who ask. */
export function openedOnce(folder: string, now: () => number, number = 1) {
  let opening: Promise<Account> | undefined;
  return {
    open: (): Promise<Account> => (opening ??= openAccount(folder, now, number)),
    close: async (): Promise<void> => (await opening)?.close(),
  };
}
export type OpenedOnce = ReturnType<typeof openedOnce>;
