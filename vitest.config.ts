import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

/**
 * Measure a host, or wear the machine out on purpose: each needs it for itself, and the others are not to be
 * judged by what they do to it. They come when the others are done, one at a time.
 */
const ALONE = ["attack", "load", "panic"].map((name) => `packages/host/test/${name}.test.ts`);

/** Unit and contract tests sit beside the code; whole journeys start real hosts and are slower. */
const ALL = [
  "packages/*/src/**/__tests__/*.test.ts",
  "packages/sdk/testing/**/__tests__/*.test.ts",
  "packages/host/test/**/*.test.ts",
  "plugins/*/{src,test}/**/*.test.ts",
];

const common = { testTimeout: 30_000, hookTimeout: 60_000, pool: "forks" } as const;

export default defineConfig({
  test: {
    reporters: ["default"],
    projects: [
      {
        test: {
          ...common,
          name: "side by side",
          include: ALL,
          exclude: ALONE,
          // As many as cores, and not one fewer: most of what the suite does is to wait for other processes.
          maxWorkers: availableParallelism(),
          sequence: { groupOrder: 0 },
        },
      },
      { test: { ...common, name: "alone", include: ALONE, maxWorkers: 1, sequence: { groupOrder: 1 } } },
    ],
  },
});
