/**
 * The sections of `config.yaml`: what each setting may be, what it is where it is not set, and, for editors,
 * what it is for.
 */
import { z } from "zod";
import { EgressMode, EgressRule } from "../core/egress-rule.ts";
import { ChatId, GroupFolder, SenderId } from "../core/ids.ts";
import { compilePattern } from "../core/pattern.ts";
import { Effort } from "../core/task.ts";
import { isTimeZone } from "../core/zone.ts";
import { groupRoutes, Model, ModelRoutes } from "./model-routes.ts";

const TimeZone = z.string().refine(isTimeZone, "is not a time zone; write it as in Europe/Berlin");
const Name = z.string().trim().min(1).max(64);
const Engine = z.enum(["claude", "acp"]);
/** A regular expression in RE2's syntax, which takes linear time whatever the text. */
const Pattern = z
  .string()
  .min(1)
  .max(1_000)
  .superRefine((pattern, context) => {
    try {
      compilePattern(pattern);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      context.addIssue({ code: "custom", message: `is no pattern in RE2's syntax (${message})` });
    }
  });
const InsidePath = z.string().startsWith("/", "must be an absolute path");

/** What each group may set for itself. */
const groupFields = {
  trigger: z
    .enum(["auto", "always", "called"])
    .describe("auto: always in direct chats and main, else when called"),
  bots: z.boolean().describe("Whether other bots may call the assistant"),
  queue: z
    .enum(["steer", "queue", "interrupt"])
    .describe("What a message does that comes during an answer: join it, wait, or stop it"),
  debounceSeconds: z.number().min(0).max(600).describe("Wait for more before answering"),
  contextMessages: z.int().min(0).max(1_000).describe("What was said around a call, given along"),
  contextTokens: z.int().min(0).max(200_000),
  startSeconds: z.number().positive().describe("How long a sandbox may take to start"),
  silenceMinutes: z.number().positive().describe("Without any sign of life, a turn ends"),
  turnMinutes: z.number().positive(),
  taskModel: Model.describe("The model of scheduled tasks, where it is not that of the chats"),
  taskEffort: Effort.describe("How hard it thinks in scheduled tasks"),
};

/** What may be spent; "none" is no limit. */
const Dollars = z.union([z.number().positive().max(1_000_000), z.literal("none")]);
const Tokens = z.union([z.int().positive(), z.literal("none")]);
const Spend = z.strictObject({ usd: Dollars.optional(), tokens: Tokens.optional() });
const Spends = z.strictObject({
  turn: Spend.prefault({}),
  day: Spend.prefault({}),
  month: Spend.prefault({}),
});
/** Generous: a household does not meet them, a program that went wild does. */
const InstallSpends = z.strictObject({
  turn: spendUpTo(10, 50_000_000),
  day: spendUpTo(50, 250_000_000),
  month: spendUpTo(500, 2_500_000_000),
});
function spendUpTo(usd: number, tokens: number) {
  return z.strictObject({ usd: Dollars.default(usd), tokens: Tokens.default(tokens) }).prefault({});
}

/** What holds for a group that does not say otherwise. */
const GroupDefaults = z.strictObject({
  trigger: groupFields.trigger.default("auto"),
  bots: groupFields.bots.default(false),
  queue: groupFields.queue.default("steer"),
  debounceSeconds: groupFields.debounceSeconds.default(0),
  contextMessages: groupFields.contextMessages.default(50),
  contextTokens: groupFields.contextTokens.default(8_000),
  startSeconds: groupFields.startSeconds.default(60),
  silenceMinutes: groupFields.silenceMinutes.default(10),
  turnMinutes: groupFields.turnMinutes.default(120),
  taskModel: groupFields.taskModel.optional(),
  taskEffort: groupFields.taskEffort.optional(),
});

/** What a sandbox may use of the machine. */
const sandboxLimits = {
  cpus: z.number().positive().max(1_024),
  memoryMb: z.int().min(768).describe("768 is the least the engine works in"),
  pids: z.int().min(64),
};

/** What can be chosen for a group while we run, by chat commands, `bellhop groups` and the agent of `main`. */
export const GroupChoices = z
  .strictObject({
    assistant: Name.describe("The name the assistant answers to"),
    timezone: TimeZone,
    engine: Engine.describe("What drives the agent"),
    model: Model,
    pattern: Pattern.describe("Text that calls the assistant, beside its name"),
    ...groupFields,
  })
  .partial();
export type GroupChoices = z.infer<typeof GroupChoices>;

/** A change of that: what is null is as configured again. */
export const GroupChange = z
  .strictObject({
    assistant: GroupChoices.shape.assistant.nullable(),
    timezone: GroupChoices.shape.timezone.nullable(),
    engine: GroupChoices.shape.engine.nullable(),
    model: GroupChoices.shape.model.nullable(),
    pattern: GroupChoices.shape.pattern.nullable(),
    trigger: GroupChoices.shape.trigger.nullable(),
    bots: GroupChoices.shape.bots.nullable(),
    queue: GroupChoices.shape.queue.nullable(),
    debounceSeconds: GroupChoices.shape.debounceSeconds.nullable(),
    contextMessages: GroupChoices.shape.contextMessages.nullable(),
    contextTokens: GroupChoices.shape.contextTokens.nullable(),
    startSeconds: GroupChoices.shape.startSeconds.nullable(),
    silenceMinutes: GroupChoices.shape.silenceMinutes.nullable(),
    turnMinutes: GroupChoices.shape.turnMinutes.nullable(),
    taskModel: GroupChoices.shape.taskModel.nullable(),
    taskEffort: GroupChoices.shape.taskEffort.nullable(),
  } satisfies Record<keyof GroupChoices, z.ZodType>)
  .partial();
export type GroupChange = z.infer<typeof GroupChange>;

const GroupSection = z
  .strictObject({
    ...GroupChoices.shape,
    ...groupRoutes,
    chats: z.array(ChatId).default([]).describe("Chats that are bound to this group"),
    admins: z.array(SenderId).default([]).describe("Who may change its settings by chat commands"),
    mounts: z
      .array(
        z.strictObject({
          source: z.string().min(1).describe("A folder or file of this machine; ~ is your home"),
          target: z.string().min(1).optional().describe("Seen as /workspace/extra/TARGET; default: its name"),
          mode: z.enum(["ro", "rw"]).default("ro"),
        }),
      )
      .default([])
      .describe("What else its sandbox sees, as far as mount-allowlist.json permits"),
    budget: z
      .strictObject({ turn: Spend, day: Spend, month: Spend })
      .partial()
      .optional()
      .describe("What it may spend, over budgets.group"),
    sandbox: z
      .strictObject(sandboxLimits)
      .partial()
      .optional()
      .describe("Limits of its sandboxes, where they are not the install's"),
    egress: z
      .strictObject({ mode: EgressMode.optional(), rules: z.array(EgressRule).default([]) })
      .optional()
      .describe("What its sandboxes may reach; a mode of its own, and rules beside the install's"),
  })
  .describe("What one group has of its own; the rest is the install's");

export const ConfigFile = z
  .strictObject({
    assistant: Name.default("Bellhop").describe("The name the assistant answers to"),
    timezone: TimeZone.optional().describe("IANA name; default: that of the system"),
    http: z
      .strictObject({
        host: z.literal("127.0.0.1").default("127.0.0.1").describe("Only this machine can reach it"),
        port: z.int().min(0).max(65_535).default(7407).describe("0 takes any free port"),
        hosts: z
          .array(z.string().min(1))
          .default([])
          .describe("Further names that the web chat answers for, behind a reverse proxy"),
      })
      .prefault({}),
    engine: Engine.default("claude").describe("What drives the agent"),
    model: Model.default("sonnet"),
    models: ModelRoutes.prefault({}),
    plugins: z
      .strictObject({
        indexes: z
          .array(z.string().min(1))
          .default([])
          .describe("Catalogues that bellhop plugins search reads: addresses, or paths from the home"),
      })
      .prefault({}),
    acp: z
      .strictObject({
        command: z.array(z.string()).min(1).describe("Path inside the sandbox, then arguments"),
        mounts: z.array(z.strictObject({ source: InsidePath, target: InsidePath })).default([]),
      })
      .optional()
      .describe("The agent that engine: acp starts"),
    sandbox: z
      .strictObject({
        runtime: z
          .enum(["auto", "docker", "podman", "apple-container", "bubblewrap"])
          .default("auto")
          .describe("auto: docker or podman if its engine answers and has the image, else bubblewrap"),
        image: z
          .string()
          .regex(/^[a-z0-9][\w./:@-]*$/i, "is no name of an image")
          .default("bellhop-agent:latest")
          .describe("What docker, podman and apple-container make their sandboxes from"),
        ociRuntime: z
          .string()
          .regex(/^[\w./-]+$/, "is no name of an OCI runtime")
          .optional()
          .describe("Another OCI runtime of the engine, such as runsc"),
        door: z
          .enum(["auto", "socket", "exec"])
          .default("auto")
          .describe("How a container reaches the host: over a socket, or over exec where none can cross"),
        chromiumSandbox: z
          .boolean()
          .default(false)
          .describe(
            "Whether a browser in a container may build a sandbox of its own, which takes namespaces",
          ),
        backgroundMinutes: z
          .number()
          .min(1)
          .max(1_440)
          .default(30)
          .describe("How long work that an agent left running may go on after its turn"),
        idleMinutes: z.number().min(0).max(1_440).default(10).describe("How long an idle sandbox stays warm"),
        cpus: sandboxLimits.cpus.default(2),
        memoryMb: sandboxLimits.memoryMb.default(4_096),
        pids: sandboxLimits.pids.default(256),
        tmpMb: z.int().min(16).default(512).describe("Size of the private /tmp"),
      })
      .prefault({}),
    limits: z
      .strictObject({
        sandboxes: z.int().min(1).default(5).describe("At most as many at once"),
        attempts: z.int().min(1).max(10).default(3),
        drainSeconds: z.number().min(0).default(60).describe("What turns get to end when Bellhop stops"),
        parts: z.int().min(1).max(100).default(8).describe("An answer of more messages becomes a file"),
        fileMb: z.number().positive().max(1_024).default(64).describe("The largest file, in or out"),
        mediaMb: z.number().positive().default(4_096).describe("All files of a group together"),
        taskIntervalSeconds: z
          .number()
          .min(10)
          .default(60)
          .describe("Two times of a scheduled task are at least so far apart"),
        taskRuns: z.int().min(1).max(10_000).default(200).describe("Newest runs of each task that are kept"),
        taskDays: z.int().min(1).default(90).describe("How long what became of a task is kept"),
      })
      .prefault({}),
    budgets: z
      .strictObject({
        install: InstallSpends.prefault({}),
        group: Spends.prefault({}).describe("Each group"),
        sender: Spends.prefault({}).describe("Each person who writes"),
        task: Spends.prefault({}).describe("Each scheduled task; a turn is one of its runs"),
      })
      .prefault({})
      .describe("What may be spent on models"),
    egress: z
      .strictObject({
        mode: EgressMode.default("ask").describe("What happens to a host that no rule names"),
        rules: z.array(EgressRule).default([]),
        connections: z.int().min(1).max(56).default(48).describe("Of one sandbox, at once"),
        requestsPerMinute: z.int().min(1).default(1_200).describe("Of one sandbox"),
        requestMb: z.number().positive().default(256),
        responseMb: z.number().positive().default(4_096),
        minutes: z.number().positive().max(1_440).default(120).describe("The longest connection"),
      })
      .prefault({})
      .describe("What sandboxes may reach on the network beside the model"),
    defaults: GroupDefaults.prefault({}).describe("For every group that does not say otherwise"),
    owners: z.array(SenderId).default([]).describe("Senders on platforms who are the owner"),
    senders: z
      .strictObject({
        perMinute: z.int().min(1).default(30),
        perHour: z.int().min(1).default(300),
        chatPerMinute: z.int().min(1).default(60),
      })
      .prefault({})
      .describe("How often one of the others, and all in a chat, may call the assistant"),
    notices: ChatId.prefault("web:notices").describe("Where the owner is told what went wrong"),
    log: z.strictObject({ level: z.enum(["debug", "info", "warn", "error"]).default("info") }).prefault({}),
    groups: z.record(GroupFolder, GroupSection).default({}),
  })
  .superRefine(({ groups }, context) => {
    const owners = new Map<string, string>();
    for (const [folder, { chats }] of Object.entries(groups)) {
      for (const [index, chat] of chats.entries()) {
        const other = owners.get(chat);
        owners.set(chat, folder);
        if (other === undefined) continue;
        const message = `${chat} stands in the group ${other} too; a chat belongs to one group`;
        context.addIssue({ code: "custom", path: ["groups", folder, "chats", index], message });
      }
    }
  })
  .superRefine(({ acp, engine, groups }, context) => {
    const wanting = [
      ...(engine === "acp" ? [["engine"]] : []),
      ...Object.entries(groups).flatMap(([folder, own]) =>
        own.engine === "acp" ? [["groups", folder, "engine"]] : [],
      ),
    ];
    if (acp !== undefined) return;
    for (const path of wanting) {
      context.addIssue({
        code: "custom",
        path,
        message: "is acp, so the section acp must name the agent's command",
      });
    }
  });

export type Sections = z.infer<typeof ConfigFile>;
