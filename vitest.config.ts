import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

/** Unit and contract tests sit beside the code; whole journeys start real hosts and are slower. */
export default defineConfig({
  test: {
    include: ["packages/*/src/**/__tests__/*.test.ts", "packages/host/test/**/*.test.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    pool: "forks",
    // As many as cores, and not one fewer: most of what the suite does is to wait for other processes.
    maxWorkers: availableParallelism(),
    reporters: ["default"],
  },
});
