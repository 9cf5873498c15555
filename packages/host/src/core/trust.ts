/**
 * Approvals and standing grants as people and programs see them: what an owner is asked, what an owner has
 * allowed beforehand, and what stands in the audit.
 */
import { randomInt } from "node:crypto";
import { z } from "zod";
import { ChatId, GroupFolder } from "./ids.ts";
import { TaskId } from "./task.ts";

const ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789";
const Short = z.string().regex(/^[a-z0-9]{8}$/, "an id is 8 letters and digits");

/** Short, because people type it. */
export const ApprovalId = Short.brand<"ApprovalId">();
export type ApprovalId = z.infer<typeof ApprovalId>;
export const GrantId = Short.brand<"GrantId">();
export type GrantId = z.infer<typeof GrantId>;

/** A fresh id: `newShortId(GrantId)`. */
export function newShortId<S extends z.ZodType>(schema: S): z.output<S> {
  return schema.parse(Array.from({ length: 8 }, () => ALPHABET[randomInt(ALPHABET.length)]).join(""));
}

/** The classes of effects, from harmless to grave (policy/policy.ts). */
export const EffectName = z.enum([
  "read",
  "write-here",
  "network",
  "speak-elsewhere",
  "schedule-elsewhere",
  "spend",
  "administer",
]);
export type EffectName = z.infer<typeof EffectName>;

const Instant = z.number().describe("Milliseconds since 1970.");

export const ApprovalChoice = z.enum(["once", "group", "never"]);

/** What an owner is asked: all that an answer needs. */
export const Approval = z.object({
  id: ApprovalId,
  kind: z.enum(["approval", "question"]),
  group: GroupFolder,
  chat: ChatId.describe("Where the agent is at work."),
  effect: EffectName,
  target: z.string(),
  words: z.string().describe("All of what is to be done."),
  choices: z.array(ApprovalChoice),
  state: z.enum(["waiting", "approved", "denied", "used", "expired"]),
  choice: ApprovalChoice.nullable(),
  askedAt: Instant,
  expiresAt: Instant,
  decidedAt: Instant.nullable(),
  decidedBy: z.string().nullable(),
});
export type Approval = z.infer<typeof Approval>;

/** What can be granted beforehand; reading and writing at home needs nobody's leave. */
export const GrantableEffect = EffectName.exclude(["read", "write-here"]);

const Uses = z.int().min(1).max(1_000_000);
const Pattern = z
  .string()
  .trim()
  .min(1)
  .max(512)
  .describe("`chat:telegram:7`, `group:family`, `host:api.example.com:443`; `*` stands for anything.");

export const NewGrant = z.strictObject({
  group: GroupFolder,
  task: TaskId.optional().describe("Only for the runs of this task."),
  effect: GrantableEffect,
  target: Pattern,
  maxUses: Uses.optional().describe("So often in all."),
  perDay: Uses.optional().describe("So often within any 24 hours."),
  endsAt: Instant.optional(),
});
export type NewGrant = z.infer<typeof NewGrant>;

export const Grant = z.object({
  id: GrantId,
  group: GroupFolder,
  task: TaskId.nullable(),
  effect: EffectName,
  target: z.string(),
  never: z.boolean().describe("It refuses what it names, and asks nobody."),
  maxUses: z.number().nullable(),
  perDay: z.number().nullable(),
  endsAt: Instant.nullable(),
  uses: z.number().describe("In all."),
  usesToday: z.number().describe("Within the last 24 hours."),
  createdAt: Instant,
  createdBy: z.string(),
  revokedAt: Instant.nullable(),
});
export type Grant = z.infer<typeof Grant>;

export const FileChange = z.object({
  path: z.string().describe("`group/…` is the folder, `home/…` its engine's home."),
  change: z.enum(["added", "changed", "removed"]),
  bytes: z.number().nullable(),
});
export type FileChange = z.infer<typeof FileChange>;

export const TaintReport = z.object({
  group: GroupFolder,
  tainted: z.boolean().describe("Its folder and its engine's home are."),
  causes: z.array(z.object({ cause: z.string(), at: Instant })).describe("Oldest first."),
  conversations: z.array(z.string()).describe("Those that are tainted, until /new in their chat."),
  snapshotAt: Instant.nullable().describe("When the folders were last clean; null: it is not known."),
  changes: z.array(FileChange).describe("What is otherwise since then."),
  whole: z.boolean().describe("False: there was more than is looked at."),
});
export type TaintReport = z.infer<typeof TaintReport>;

export const AuditRecord = z.object({
  id: z.number(),
  at: Instant,
  actor: z.string(),
  group: z.string().nullable(),
  action: z.string(),
  subject: z.string(),
  phase: z.enum(["begun", "done"]),
  begun: z.number().nullable().describe("Of an end: the row of its beginning."),
  allowed: z.boolean(),
  detail: z.string(),
  hash: z.string(),
});
export type AuditRecord = z.infer<typeof AuditRecord>;
