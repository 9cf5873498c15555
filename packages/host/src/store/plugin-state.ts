/**
 * The key-value store of each plugin: JSON values of at most 64 KiB, 1,000 keys. It is kept when the plugin
 * is updated or disabled, and goes when it is removed.
 */
import { type Json, RejectedError } from "@bellhop/sdk";
import type { Kysely } from "kysely";
import { z } from "zod";
import type { Clock } from "../core/clock.ts";
import type { Database } from "./tables.ts";

const MOST_BYTES = 64 * 1024;
const MOST_KEYS = 1_000;

export type PluginState = ReturnType<typeof createPluginState>;

export function createPluginState(db: Kysely<Database>, clock: Clock) {
  const rows = (plugin: string, key: string) =>
    db.selectFrom("plugin_state").where("plugin", "=", plugin).where("key", "=", key);

  return {
    async get(plugin: string, key: string): Promise<Json | undefined> {
      const row = await rows(plugin, key).select("value").executeTakeFirst();
      return row && z.json().parse(JSON.parse(row.value));
    },

    /** @throws RejectedError when it is too large, or there are too many */
    async set(plugin: string, key: string, value: Json): Promise<void> {
      const text = JSON.stringify(value);
      if (Buffer.byteLength(text) > MOST_BYTES)
        throw new RejectedError(`the value of ${JSON.stringify(key)} is larger than ${MOST_BYTES} bytes`);
      await db.transaction().execute(async (trx) => {
        const at = clock.now();
        const { numUpdatedRows } = await trx
          .updateTable("plugin_state")
          .set({ value: text, at })
          .where("plugin", "=", plugin)
          .where("key", "=", key)
          .executeTakeFirst();
        if (numUpdatedRows > 0n) return;
        const { keys } = await trx
          .selectFrom("plugin_state")
          .select((eb) => eb.fn.countAll<number>().as("keys"))
          .where("plugin", "=", plugin)
          .executeTakeFirstOrThrow();
        if (keys >= MOST_KEYS)
          throw new RejectedError(`${plugin} has ${MOST_KEYS} keys, which is the most; delete some first`);
        await trx.insertInto("plugin_state").values({ plugin, key, value: text, at }).execute();
      });
    },

    async delete(plugin: string, key: string): Promise<void> {
      await db.deleteFrom("plugin_state").where("plugin", "=", plugin).where("key", "=", key).execute();
    },

    /** In order. */
    async keys(plugin: string, prefix: string): Promise<string[]> {
      const found = await db
        .selectFrom("plugin_state")
        .select("key")
        .where("plugin", "=", plugin)
        .orderBy("key")
        .execute();
      return found.flatMap(({ key }) => (key.startsWith(prefix) ? key : []));
    },

    /** All of it: the plugin was removed. */
    async clear(plugin: string): Promise<void> {
      await db.deleteFrom("plugin_state").where("plugin", "=", plugin).execute();
    },
  };
}
