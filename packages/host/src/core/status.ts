/** What `bellhop status`, the API and the dashboard say of a running host. */
import { z } from "zod";
import { DeadLetter } from "./dead.ts";
import { Paused } from "./pause.ts";
import { PluginStatus } from "./plugin.ts";
import { ChatId, GroupFolder, TurnId } from "./ids.ts";

export const Status = z.object({
  version: z.string(),
  pid: z.int(),
  home: z.string(),
  url: z.string(),
  startedAt: z.number(),
  /** Once it drains: nothing new starts, and it ends when the list of live turns is empty. */
  draining: z.boolean(),
  /** By the emergency stop: nothing runs and nothing is sent until somebody resumes it. */
  paused: Paused.nullable(),
  assistant: z.string(),
  /** `provider` is the route that is tried first; `state` says in words how each does. */
  model: z.object({
    provider: z.string(),
    name: z.string(),
    routes: z.array(z.object({ name: z.string(), state: z.string() })),
  }),
  sandbox: z.object({ runtime: z.string(), version: z.string(), limits: z.string() }),
  /** Sandboxes that exist now. */
  rooms: z.array(
    z.object({
      group: GroupFolder,
      scope: z.string(),
      state: z.enum(["starting", "busy", "idle", "closing"]),
      since: z.number(),
    }),
  ),
  turns: z.array(
    z.object({
      turn: TurnId,
      chat: ChatId,
      state: z.enum(["running", "waiting"]),
      attempt: z.int(),
      startedAt: z.number(),
      /** Why it waits, or what it does. */
      note: z.string(),
    }),
  ),
  /** Messages that no turn has taken yet, and why they wait. */
  waiting: z.array(z.object({ chat: ChatId, messages: z.int(), why: z.string() })),
  /** Those that have not come to their end; `failing` ones failed when they ran last. `waiting`: runs that do. */
  tasks: z.object({ active: z.int(), paused: z.int(), failing: z.int(), waiting: z.int() }),
  /** Turns that failed for good and were neither tried again nor dropped, and what was given up last of all. */
  dead: z.object({ turns: z.int(), newest: z.array(DeadLetter) }),
  outbox: z.object({ open: z.int(), unknown: z.int(), dead: z.int() }),
  /** Accounts on platforms that cannot send just now, why, and when they are tried again. */
  stuck: z.array(z.object({ account: z.string(), why: z.string(), until: z.number() })),
  usage: z.object({
    /** Since local midnight would need a zone; this is the last 24 hours. */
    calls: z.int(),
    inputTokens: z.int(),
    outputTokens: z.int(),
    costMicros: z.number(),
  }),
  /** Accounts on platforms, and the truth about each. */
  accounts: z.array(
    z.object({
      channel: z.string(),
      account: z.string(),
      state: z.enum(["up", "connecting", "down"]),
      why: z.string().optional(),
    }),
  ),
  /** Accounts on platforms that do not listen just now, and why. */
  silent: z.array(z.object({ channel: z.string(), account: z.string(), why: z.string() })),
  /** What of this machine the groups' sandboxes are given beside their own, and what is refused them, and why. */
  mounts: z.array(
    z.object({
      group: GroupFolder,
      source: z.string(),
      /** Inside; as it was wanted, where it is refused. */
      target: z.string(),
      mode: z.enum(["ro", "rw"]),
      refused: z.string().optional(),
    }),
  ),
  /** What plugins give the agents in their scope, and what of it cannot be given, and why. */
  gifts: z.array(
    z.object({
      plugin: z.string(),
      groups: z.union([z.literal("all"), z.array(GroupFolder)]),
      gives: z.array(z.string()),
      problems: z.array(z.string()),
    }),
  ),
  /** Secrets that agents of these groups see as they are, because an owner said so. */
  revealed: z.array(z.object({ plugin: z.string(), variable: z.string(), groups: z.array(GroupFolder) })),
  /** What rooms may reach though it is not public, and the address that it is pinned to. Group null: all of them. */
  pins: z.array(z.object({ group: GroupFolder.nullable(), target: z.string(), address: z.string() })),
  /** Chats in which somebody wrote, and which no group has. */
  unregistered: z.int(),
  /** Strangers who wait to be let in, and what is wrong with the sender allowlist. */
  senders: z.object({ waiting: z.int(), problems: z.array(z.string()) }),
  plugins: z.object({
    list: z.array(PluginStatus),
    /** What their processes live in; empty as long as there is none. */
    housing: z.string(),
  }),
});
export type Status = z.infer<typeof Status>;

/** One line on an account, for people. */
export function accountWords({ channel, account, state, why }: Status["accounts"][number]): string {
  const name = account === "" ? channel : `${channel}/${account}`;
  return `${name}: ${state}${why === undefined ? "" : `, ${why}`}`;
}
