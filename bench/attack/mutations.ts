/**
 * The suite must be able to fail: one guard of the product at a time is taken out, and a row that should see it
 * has to. The product has no such switch; mutate.mjs takes the text out while it is loaded.
 */
import type { Edit } from "./house.ts";

export interface Mutation {
  /** The guard that is taken out. */
  readonly guard: string;
  /** Where several hold the same thing, all of them. */
  readonly edits: readonly Edit[];
  /** Attempts inside the sandbox, and rows, of which at least one must get through then. */
  readonly inside?: readonly string[];
  readonly rows?: readonly string[];
}

export const MUTATIONS: readonly Mutation[] = [
  {
    guard: "a network of its own",
    edits: [{ file: "sandbox/profile.ts", find: '"--unshare-net",', put: "" }],
    inside: ["secrets.loopback service"],
  },
  {
    guard: "seccomp",
    edits: [{ file: "sandbox/bubblewrap.ts", find: ', "--seccomp", String(FD.seccomp)', put: "" }],
    inside: ["escape.keyring", "escape.io_uring", "escape.perf"],
  },
  {
    guard: "an empty environment to start with",
    edits: [
      { file: "sandbox/launch.ts", find: "env: START,", put: "env: process.env," },
      { file: "sandbox/bubblewrap.ts", find: '["env", "-i", `PATH=${START.PATH}`, "bwrap"', put: '["bwrap"' },
    ],
    inside: ["secrets.environments of all"],
  },
  {
    guard: "no links in what agents write",
    edits: [{ file: "core/open-beneath.ts", find: "O_RDONLY | constants.O_NOFOLLOW |", put: "O_RDONLY |" }],
    rows: ["host-files.a link as the persona"],
  },
  {
    guard: "no second names of files",
    edits: [{ file: "core/open-beneath.ts", find: "if (found.nlink !== 1)", put: "if (found.nlink < 1)" }],
    rows: ["host-files.a hard link as the persona"],
  },
  {
    guard: "a chat of one's own",
    edits: [
      { file: "tools/target.ts", find: "if (claim.chat.folder !== MAIN)", put: "if (!claim.chat.folder)" },
    ],
    rows: ["other-groups.a message to their chat"],
  },
  {
    guard: "what leaves is freed of secrets",
    edits: [{ file: "core/known-secrets.ts", find: "if (length > 0) mark(", put: "if (length < 0) mark(" }],
    rows: ["secrets.said as it is"],
  },
  {
    guard: "leave for what a tainted turn does elsewhere",
    edits: [{ file: "policy/judge.ts", find: "if (!taint.of(asker)) return FREE;", put: "return FREE;" }],
    rows: ["taint.the owner's next turn"],
  },
  {
    guard: "leave is an owner's to give",
    edits: [{ file: "admission/commands/command.ts", find: 'return role === "owner";', put: "return true;" }],
    rows: ["taint.leave given by a stranger"],
  },
  {
    guard: "no way out to addresses of this machine",
    edits: [{ file: "broker/egress/network.ts", find: 'if (kind === "public") continue;', put: "continue;" }],
    inside: ["secrets.loopback by the proxy"],
  },
  {
    guard: "a user of its own in the sandbox",
    edits: [
      {
        file: "sandbox/staging.ts",
        find: "return process.getuid?.() === 0 ? FIRST_UID + groupNumber : undefined;",
        put: "return undefined;",
      },
    ],
    inside: ["escape.core pattern"],
  },
];
