/** What a plugin's process sends, as it is parsed where it comes in. Pure. */
import { z } from "zod";

const Id = z.string().min(1).max(512);
const Text = z.string().max(500_000);
const Rate = z.object({ calls: z.number().positive(), perMs: z.number().positive() });
const Count = z.int().nonnegative();

const Abilities = z.object({
  maxTextLength: z.int().positive(),
  lengthUnit: z.enum(["utf16", "codepoints", "bytes"]),
  resend: z.discriminatedUnion("how", [
    z.object({ how: z.literal("once"), forMs: z.number().positive().optional() }),
    z.object({ how: z.literal("lookup") }),
    z.object({ how: z.literal("twice") }),
  ]),
  reactions: z.boolean(),
  reactionsOf: z.array(z.string().max(64)).optional(),
  formatting: z
    .array(
      z.enum([
        "bold",
        "italic",
        "strikethrough",
        "code",
        "code-block",
        "link",
        "quote",
        "list",
        "heading",
        "table",
      ]),
    )
    .optional(),
  threads: z.boolean().optional(),
  buttons: z.object({ most: z.int().positive() }).optional(),
  quotes: z.boolean(),
  edits: z.boolean(),
  editEveryMs: z.object({ direct: z.number().positive(), shared: z.number().positive() }).optional(),
  typingMs: z.number().positive().optional(),
  maxFileBytes: z.number().positive().optional(),
  maxCaptionLength: Count.optional(),
  maxInboundFileBytes: z.number().positive().optional(),
  personal: z.boolean().optional(),
  rate: z
    .object({
      chat: Rate.optional(),
      sharedChat: Rate.optional(),
      account: Rate.optional(),
      edits: Rate.optional(),
    })
    .optional(),
  note: z.string().max(120).optional(),
});

export const Described = z.object({
  name: z.string(),
  account: z.string().regex(/^[^:/\s]{0,64}$/, "is no account: no spaces, colons and slashes"),
  abilities: Abilities,
  has: z.array(z.enum(["listen", "edit", "typing", "chatInfo", "health", "find"])),
});
export type Described = z.infer<typeof Described>;

/** What a module turned out to hold. */
export const Made = z.object({
  channels: z.array(Described).max(32),
  hooks: z.array(z.string()),
  tools: z.array(z.string()),
  commands: z.array(z.string()),
  auth: z.boolean(),
  routes: z.boolean(),
});
export type Made = z.infer<typeof Made>;

export const Health = z.discriminatedUnion("state", [
  z.object({ state: z.literal("up") }),
  z.object({ state: z.literal("connecting"), why: z.string().max(2_000).optional() }),
  z.object({ state: z.literal("down"), why: z.string().max(2_000) }),
]);
export const HealthOf = z.object({ account: z.string(), health: Health });
export const Pong = z.object({ rss: z.number(), health: z.array(HealthOf) });

const SentFile = z.object({
  name: z.string().max(1_024),
  type: z.string().max(256).optional(),
  bytes: z.number().nonnegative().optional(),
  number: Count,
});

const Brought = z.object({
  platformId: Id,
  kind: z.enum(["message", "edit", "delete", "reaction", "button"]),
  version: Count,
  chat: Id,
  chatTitle: z.string().max(1_024).optional(),
  direct: z.boolean().optional(),
  threadOf: Id.optional(),
  sender: z.object({
    id: Id,
    name: z.string().max(1_024),
    bot: z.boolean().optional(),
    self: z.boolean().optional(),
  }),
  text: Text,
  nonText: z.string().max(200).optional(),
  mentionsUs: z.boolean().optional(),
  replyTo: Id.optional(),
  quote: Text.optional(),
  forwarded: z.string().max(1_024).optional(),
  button: z.string().max(64).optional(),
  sentAt: z.number().optional(),
  files: z.array(SentFile).max(64).optional(),
});

export const Accepted = z.object({
  listener: Count,
  cursor: z
    .string()
    .max(64 * 1024)
    .optional(),
  /** Absent: the cursor alone. */
  inbound: Brought.optional(),
});
export type Accepted = z.infer<typeof Accepted>;

export const SentAs = z.object({ platformId: z.string().max(1_024) });
export const Found = SentAs.optional();
export const Info = z
  .object({
    title: z.string().max(1_024).optional(),
    direct: z.boolean().optional(),
    members: Count.optional(),
  })
  .default({});
export const StreamOf = z.object({ stream: Count });

const Line = z.string().max(16 * 1024);
const RunNumber = Count;
export const Logged = z.object({
  level: z.enum(["debug", "info", "warn", "error"]),
  text: Line,
  fields: z.record(z.string(), z.json()).optional(),
});
export const Opened = z.object({ send: Count });
export const Printed = z.object({ run: RunNumber, line: Line });
export const Asked = z.object({ run: RunNumber, text: Line, secret: z.boolean() });
export const PowerAsked = z.object({ method: z.string().max(64), params: z.json().default({}) });

export const Stepped = z.object({
  run: RunNumber,
  step: z.discriminatedUnion("step", [
    z.object({
      step: z.literal("ask"),
      name: z.string().regex(/^[A-Za-z][A-Za-z0-9_]{0,63}$/),
      text: Line,
      secret: z.boolean(),
      optional: z.boolean().optional(),
    }),
    z.object({ step: z.literal("qr"), content: z.string().max(4_096), text: Line }),
    z.object({ step: z.literal("code"), code: z.string().max(256), text: Line }),
    z.object({ step: z.literal("wait"), text: Line }),
    z.object({
      step: z.literal("done"),
      account: z.string().max(512),
      text: Line,
      keep: z
        .record(
          z.string().regex(/^[A-Z][A-Z0-9_]{0,63}$/),
          z
            .string()
            .max(16 * 1024)
            .regex(/^[^\0\r\n]*$/),
        )
        .optional(),
    }),
  ]),
});

export const Answered = z.object({
  status: z.int().min(100).max(599),
  headers: z.record(z.string(), z.string()).optional(),
  /** In base64, or the number of a stream where it is long. */
  body: z.union([z.base64(), Count]),
});
