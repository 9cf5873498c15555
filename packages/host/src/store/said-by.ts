import { sql } from "kysely";

/** Of an event joined with its row of `inbox` or `outbox`: whose word it is, and whether they only handed it on. Null: the assistant's. */
export const saidBy = sql<string | null>`coalesce(
  inbox.sender_name || iif(inbox.forwarded IS NULL, '', ' (forwarded)'), outbox.sender_name)`;
