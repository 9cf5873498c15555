/**
 * What the API takes and gives, as zod. Requests are parsed with these, and the OpenAPI document is
 * made from them, so that the two cannot differ.
 */
import { z } from "zod";
import { GroupChoices } from "../config/sections.ts";
import { ButtonId } from "../core/button.ts";
import { EventId, MessageEvent, TurnEvent } from "../core/events.ts";
import { EgressRule } from "../core/egress-rule.ts";
import { DeadLetter, DeadLetterId } from "../core/dead.ts";
import { Paused } from "../core/pause.ts";
import { Status } from "../core/status.ts";
import {
  Approval,
  ApprovalChoice,
  ApprovalId,
  AuditRecord,
  EffectName,
  Grant,
  GrantId,
} from "../core/trust.ts";
import { ChatId, FileId, GroupFolder, InboxId, SenderId } from "../core/ids.ts";
import { Occurrence, OccurrenceId, Task } from "../core/task.ts";

const Title = z
  .string()
  .trim()
  .min(1, "a title must not be empty")
  .max(200, "a title has at most 200 characters");

export const NewChat = z.strictObject({
  title: Title.optional(),
  group: GroupFolder.optional().describe("The group that the chat is bound to; `main` unless told."),
});

export const NewMessage = z
  .strictObject({
    text: z
      .string("the text of the message is missing")
      .describe("At most 1 MiB of UTF-8. May be empty where there are files."),
    id: z
      .string()
      .min(1, "an id must not be empty")
      .max(128, "an id has at most 128 characters")
      .optional()
      .describe("The client's own id: the same one again is the same message, and is accepted once."),
    replyTo: z.string().min(1).max(512).optional().describe("Id of the message that this one answers."),
    files: z
      .array(FileId)
      .max(20, "a message brings at most 20 files")
      .optional()
      .describe("Ids of files that were handed over before, each for one message."),
  })
  .refine(({ text, files = [] }) => text.trim() !== "" || files.length > 0, {
    path: ["text"],
    error: "the text of the message is empty",
  });

export const ButtonPath = z.object({ chat: ChatId, button: ButtonId });

const PluginName = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "a plugin has no such name");
const AttemptId = z.uuid("an attempt has no such id");
export const ConnectPath = z.object({ name: PluginName });
export const AttemptPath = z.object({ name: PluginName, attempt: AttemptId });
export const BegunAttempt = z.object({ attempt: AttemptId });
export const DisconnectRequest = z.strictObject({
  account: z
    .string()
    .max(64)
    .default("")
    .describe("As in the addresses of its chats, or its number; empty for the first account."),
});
export const Disconnected = z.object({
  forgot: z.array(z.string()).describe("Variables that were taken out of .env."),
});
export const StepQuery = z.object({
  after: z.coerce.number().int().nonnegative().optional().describe("Wait for a later step than this one."),
});
export const ConnectAnswer = z.strictObject({
  number: z.int().nonnegative().describe("Of the step that asks."),
  value: z.string().max(4_096),
});
export const ChannelList = z.object({
  accounts: Status.shape.accounts,
  connectable: z.array(z.string()).describe("Plugins that connect accounts."),
});

export const FilePath = z.object({ file: FileId });

export const FileQuery = z.object({
  name: z
    .string("the name of the file is missing: add ?name=")
    .min(1, "the name of the file is empty")
    .max(1_024, "the name of the file is too long"),
});

export const AcceptedMessage = z.object({
  message: InboxId,
  seq: z.int().describe("Position among the accepted messages of this chat."),
  event: EventId,
  chat: ChatId,
  duplicate: z.boolean().describe("This id had been accepted before; nothing new will happen."),
  paused: z.boolean().describe("Everything stands still: it is answered once somebody resumes."),
});

export const Chat = z.object({
  id: ChatId,
  title: z.string().nullable(),
  group: z.string(),
  channel: z.string(),
  lastEvent: EventId.nullable(),
  lastAt: z.number().nullable().describe("Milliseconds since 1970."),
});
export const ChatList = z.object({ chats: z.array(Chat) });
export const CreatedChat = z.object({ id: ChatId });

export const ChatBinding = z.strictObject({ group: GroupFolder });
export const BoundChat = z.object({ id: ChatId, group: z.string() });
export const UnboundChat = z.object({
  id: ChatId,
  group: z.string().nullable().describe("A chat at the owner's own desk goes back to `main`."),
});
const UnregisteredChat = z.object({
  id: ChatId,
  title: z.string().nullable(),
  lastSender: z.string().describe("The name of who wrote there last."),
  messages: z.int().describe("How many came. None of them is stored."),
  lastAt: z.number().describe("Milliseconds since 1970."),
});
export const UnregisteredList = z.object({ chats: z.array(UnregisteredChat) });

export const Group = z.object({
  name: GroupFolder,
  origin: z
    .enum(["main", "config", "made", "guest", "left over"])
    .describe("By config.yaml, made here, made for a stranger who was let in, or taken out of config.yaml."),
  folder: z.string().describe("Where its notes are."),
  settings: GroupChoices.describe("What holds for it."),
  chosen: GroupChoices.describe("What of that was chosen here and stands over config.yaml."),
  chats: z.array(z.object({ id: ChatId, title: z.string().nullable() })),
  tasks: z.object({ active: z.int(), paused: z.int() }),
  createdAt: z.number().describe("Milliseconds since 1970."),
});
export const GroupList = z.object({ groups: z.array(Group) });
export const NewGroup = z.strictObject({
  name: GroupFolder,
  from: GroupFolder.optional().describe("A group whose settings it begins with."),
  settings: GroupChoices.optional(),
  chats: z.array(ChatId).max(1_000).optional().describe("Whichever group had them."),
});
export const GroupChats = z.strictObject({ chats: z.array(ChatId).min(1).max(1_000) });
export const RemovedGroup = z.object({
  name: GroupFolder,
  paused: z.int().describe("Its tasks that were paused."),
  chats: z.array(ChatId).describe("Chats that it had."),
  folder: z.string().describe("Where its notes are kept."),
});

export const Person = z.object({
  name: z.string(),
  senders: z.array(SenderId).describe("What they spend is counted under the first."),
  owner: z.boolean().describe("Under one of these ids, and so under each."),
});
export const PersonList = z.object({ people: z.array(Person) });
export const NewLink = z.strictObject({
  senders: z.array(SenderId).min(2).max(20),
  name: z.string().trim().min(1).max(64).optional().describe("What agents are told they are called."),
});
export const SenderPath = z.object({ sender: SenderId });

const DurableEvent = z.union([MessageEvent, TurnEvent]);
export const EventPage = z.object({
  events: z.array(DurableEvent).describe("Oldest first."),
  more: z.boolean().describe("There are more in the direction that was asked for."),
});

/** An event id in a query or a header, where everything is text. */
const EventIdText = z
  .string()
  .regex(/^\d{1,15}$/, "an event id is a whole number")
  .transform(Number)
  .pipe(EventId);

const MAX_PAGE = 500;
const LimitText = z
  .string()
  .regex(/^\d{1,3}$/, `a limit is a whole number up to ${MAX_PAGE}`)
  .default("50")
  .transform(Number)
  .pipe(z.int().min(1, "a limit is at least 1").max(MAX_PAGE, `a limit is at most ${MAX_PAGE}`));

export const ChatPath = z.object({ chat: ChatId });

export const PageQuery = z.object({
  before: EventIdText.optional(),
  after: EventIdText.optional(),
  limit: LimitText,
});

export const FollowQuery = z.object({ after: EventIdText.optional() });

export const LoginCode = z.object({ code: z.string(), url: z.url(), expiresAt: z.number() });
export const Login = z.strictObject({ code: z.string("the code is missing").min(1).max(256) });

const ScopeSchema = z.enum(["read", "chat", "admin"]);
export const NewToken = z.strictObject({
  label: z.string("a label is missing: say what the token is for").trim().min(1).max(100),
  scope: ScopeSchema,
});
export const Token = z.object({
  id: z.string().describe("The beginning of the token's hash; names it in DELETE."),
  kind: z.enum(["api", "web"]).describe("`web` is a login of a browser."),
  label: z.string(),
  scope: ScopeSchema,
  createdAt: z.number(),
  expiresAt: z.number().nullable(),
});
export const CreatedToken = Token.extend({ token: z.string().describe("Shown this once.") });
export const TokenList = z.object({ tokens: z.array(Token) });

export const DeadLetterPath = z.object({ id: DeadLetterId });
export const DeadQuery = z.object({ before: DeadLetterId.optional(), limit: LimitText });
export const DeadLetterPage = z.object({
  letters: z.array(DeadLetter).describe("Newest first."),
  more: z.boolean().describe("There are older ones."),
});
export const DeadRetry = z.strictObject({
  force: z
    .boolean()
    .default(false)
    .describe("Send it again though it may have arrived, and would then be shown twice."),
});

export const TaskQuery = z.object({
  group: GroupFolder.optional(),
  all: z
    .enum(["true", "false"], "all is true or false")
    .default("false")
    .transform((text) => text === "true"),
});
export const TaskList = z.object({ tasks: z.array(Task) });
export const TaskHistoryQuery = z.object({ before: OccurrenceId.optional(), limit: LimitText });
export const OccurrencePage = z.object({
  occurrences: z.array(Occurrence).describe("Newest first."),
  more: z.boolean().describe("There are older ones."),
});

const Flag = (name: string) =>
  z
    .enum(["true", "false"], `${name} is true or false`)
    .default("false")
    .transform((text) => text === "true");

export const GroupPath = z.object({ group: GroupFolder });

export const ApprovalQuery = z.object({ all: Flag("all") });
export const ApprovalList = z.object({ approvals: z.array(Approval).describe("Oldest first.") });
export const AnsweredApprovals = z.strictObject({
  ids: z.array(ApprovalId).min(1).max(100),
  answer: z.enum([...ApprovalChoice.options, "deny"]),
});
export const ApprovalAnswers = z.object({
  decided: z.array(
    z.object({
      id: z.string(),
      outcome: z.enum(["approved", "denied", "gone"]).describe("`gone`: it was not open any more."),
      words: z.string(),
    }),
  ),
});

export const GrantQuery = z.object({ group: GroupFolder.optional(), all: Flag("all") });
export const GrantPath = z.object({ id: GrantId });
export const GrantList = z.object({ grants: z.array(Grant).describe("Oldest first.") });

export const ExplainQuery = z.object({
  group: GroupFolder,
  action: z.string("the action is missing: add ?action=").min(1).max(600),
});
export const Explained = z.object({
  effect: EffectName,
  target: z.string(),
  verdict: z.enum(["allowed", "needs approval", "granted", "refused"]),
  why: z.array(z.string()).describe("Whole sentences."),
});

const RowNumber = z
  .string()
  .regex(/^\d{1,15}$/, "a row's number is a whole number")
  .transform(Number);
export const AuditQuery = z.object({ after: RowNumber.default(0), limit: LimitText });
export const AuditAnchor = z.object({
  id: RowNumber.optional(),
  hash: z
    .string()
    .regex(/^[0-9a-f]{64}$/, "a hash is 64 hexadecimal digits")
    .optional(),
});
export const AuditPage = z.object({ rows: z.array(AuditRecord).describe("Oldest first.") });
export const AuditTail = z.object({
  rows: z.array(AuditRecord),
  head: z
    .object({ id: z.number(), hash: z.string() })
    .nullable()
    .describe("The newest row. Kept elsewhere, it shows that nothing was cut off since."),
});
export const AuditVerdict = z.object({
  ok: z.boolean(),
  rows: z.number().describe("How many fit."),
  head: AuditTail.shape.head,
  why: z.string().nullable().describe("What does not fit, where something does not."),
});
const KnownSender = z.object({
  id: SenderId,
  standing: z.enum(["owner", "allowed", "denied"]),
  name: z.string(),
  by: z.string().describe("Who decided it, in words."),
  at: z.number(),
});
const WaitingSender = z.object({
  chat: ChatId,
  sender: SenderId,
  name: z.string(),
  messages: z.int().describe("How many are held."),
  since: z.number(),
  expiresAt: z.number().describe("What is held is dropped then."),
});
export const SenderList = z.object({
  senders: z.array(KnownSender).describe("Of whom somebody decided, beside the configuration; newest first."),
  waiting: z.array(WaitingSender).describe("Strangers who wait to be let in."),
});
export const SenderNamed = z.strictObject({
  who: z
    .string("who is meant is missing")
    .trim()
    .min(1, "who is meant is missing")
    .max(512)
    .describe("The code that a stranger was given, or a sender, or the chat in which they wrote."),
});
export const AllowedSender = z.object({
  sender: SenderId,
  chats: z.array(ChatId).describe("Chats that were let in, each with a group of its own."),
});
export const DeniedSender = z.object({ sender: SenderId });
export const PairingCode = z.object({
  code: z.string().describe("Whoever sends it from a platform is an owner. Shown this once."),
  expiresAt: z.number(),
});

export const NewEgressRule = z.strictObject({
  group: GroupFolder.nullable().describe("Null: for every group."),
  rule: EgressRule,
  private: z
    .boolean()
    .default(false)
    .describe("The host is not public: it is pinned to the address that it has now."),
  address: z.union([z.ipv4(), z.ipv6()]).optional().describe("Pins it to this address instead."),
});
export type NewEgressRule = z.infer<typeof NewEgressRule>;
export const PlacedEgressRule = z.object({
  id: z.int(),
  group: GroupFolder.nullable(),
  rule: EgressRule,
  pin: z.string().nullable().describe("The address that is connected to, whatever the name resolves to."),
  createdBy: z.string(),
  createdAt: z.number(),
});
export const EgressRuleList = z.object({ rules: z.array(PlacedEgressRule) });
export const EgressRulePath = z.object({
  id: z
    .string()
    .regex(/^\d{1,12}$/, "a rule is named by its number")
    .transform(Number),
});

export const NewPause = z.strictObject({
  reason: z.string().trim().max(1_000, "a reason has at most 1000 characters").default(""),
});
export const Halted = z.object({
  paused: Paused,
  sandboxes: z.int().describe("How many were killed."),
  ms: z.int().describe("Until the last of them was gone."),
  kept: z.boolean().describe("It is on disk, and so outlives a restart."),
});
export type Halted = z.infer<typeof Halted>;
export const Resumed = z.object({ resumed: z.boolean().describe("There was a pause to end.") });

export const Accepted = z.object({ accepted: z.literal(true) });

export const SecretTest = z.strictObject({
  group: GroupFolder.optional().describe("Whose secret; `main` unless told."),
  url: z
    .string()
    .max(8_192)
    .optional()
    .describe("An https address that it is bound to: one GET is made there with it."),
});
