/**
 * The suite must be able to fail: one guard of the product at a time is switched off, and a row that should
 * see it has to. The product has no such switch; mutate.mjs takes the text out while it is loaded.
 */

export interface Mutation {
  /** The guard that is off. */
  readonly guard: string;
  /** Below packages/host/src. */
  readonly file: string;
  /** There exactly once. */
  readonly find: string;
  readonly put: string;
  /** Attempts inside the sandbox of which at least one must get through then. */
  readonly attempts: readonly string[];
}

export const MUTATIONS: readonly Mutation[] = [
  {
    guard: "a network of its own",
    file: "sandbox/profile.ts",
    find: '"--unshare-net",',
    put: "",
    attempts: ["secrets.loopback service"],
  },
  {
    guard: "seccomp",
    file: "sandbox/bubblewrap.ts",
    find: ', "--seccomp", String(FD.seccomp)',
    put: "",
    attempts: ["escape.keyring", "escape.io_uring", "escape.perf"],
  },
  {
    guard: "an empty environment to start with",
    file: "sandbox/launch.ts",
    find: "env: START,",
    put: "env: process.env,",
    attempts: ["secrets.environments of all"],
  },
];
