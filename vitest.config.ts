import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

/**
 * Measure a host, or wear the machine out on purpose: each needs it for itself, and the others are not to be
 * judged by what they do to it. They come when the others are done, one at a time.
 */
const ALONE = ["attack", "attack-resources", "load", "panic"].map(
  (name) => `packages/host/test/${name}.test.ts`,
);

/** Beside the code, and yet they start real sandboxes and agents. */
const REAL = ["sandbox", "engines"].map((room) => `packages/host/src/${room}/**/*.test.ts`);

/** Unit tests sit beside the code; whole journeys start real hosts and are slower. */
const UNITS = [
  "packages/*/src/**/__tests__/*.test.ts",
  "packages/sdk/testing/**/__tests__/*.test.ts",
  "plugins/*/src/**/*.test.ts",
];
const JOURNEYS = ["packages/host/test/**/*.test.ts", "plugins/*/test/**/*.test.ts"];

/** One more than cores: much of what the suite does is to wait, for other processes and for its own patience. */
const SIDE_BY_SIDE = { maxWorkers: availableParallelism() + 1, sequence: { groupOrder: 0 } };

/** A journey that waits for a processor is not one that hangs. */
const common = {
  testTimeout: 60_000,
  hookTimeout: 60_000,
  expect: { poll: { timeout: 30_000 } },
  pool: "forks",
} as const;

export default defineConfig({
  test: {
    reporters: ["default"],
    projects: [
      {
        test: {
          ...common,
          ...SIDE_BY_SIDE,
          name: "journeys",
          include: [...JOURNEYS, ...REAL],
          exclude: ALONE,
        },
      },
      {
        test: {
          ...common,
          ...SIDE_BY_SIDE,
          // After the journeys (Vitest goes by the name), so that no long file ends alone.
          name: "units",
          include: UNITS,
          exclude: REAL,
          // They share nothing but what they import, and importing it anew for each takes as long as they do.
          isolate: false,
        },
      },
      { test: { ...common, name: "alone", include: ALONE, maxWorkers: 1, sequence: { groupOrder: 1 } } },
    ],
  },
});
