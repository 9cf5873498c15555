/**
 * Every migration, in order: a list in code, so that it is the same when everything is one file.
 * A released one is frozen (see freeze.ts); what it got wrong, the next one mends.
 */
import type { Migration } from "../migrate.ts";
import * as first from "./0001-first.ts";
import * as conversations from "./0002-conversations.ts";
import * as tasks from "./0003-tasks.ts";
import * as senders from "./0004-senders.ts";
import * as budgets from "./0005-budgets.ts";
import * as trust from "./0006-trust.ts";
import * as egress from "./0007-egress.ts";
import * as groups from "./0008-groups.ts";
import * as plugins from "./0009-plugins.ts";
import * as buttons from "./0010-buttons.ts";
import * as forwarded from "./0011-forwarded.ts";

export const migrations: readonly Migration[] = [
  { id: 1, name: "first", up: first.up },
  { id: 2, name: "conversations", up: conversations.up },
  { id: 3, name: "tasks", up: tasks.up },
  { id: 4, name: "senders", up: senders.up },
  { id: 5, name: "budgets", up: budgets.up },
  { id: 6, name: "trust", up: trust.up },
  { id: 7, name: "egress", up: egress.up },
  { id: 8, name: "groups", up: groups.up },
  { id: 9, name: "plugins", up: plugins.up },
  { id: 10, name: "buttons", up: buttons.up },
  { id: 11, name: "forwarded", up: forwarded.up },
];
