/**
 * A Vitest reporter that writes how many tests passed, failed and were skipped to the file named by
 * BELLHOP_TEST_COUNTS. `errors` are failures outside of any test: a file that cannot be loaded, a
 * rejection nobody handled.
 */
import { writeFileSync } from "node:fs";

export default class CountingReporter {
  onTestRunEnd(modules, unhandled) {
    const counts = { passed: 0, failed: 0, skipped: 0, errors: unhandled.length };
    for (const module of modules) {
      let failedHere = 0;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === "failed") failedHere += 1;
        else if (state === "passed") counts.passed += 1;
        else counts.skipped += 1;
      }
      counts.failed += failedHere;
      if (failedHere === 0 && module.state() === "failed") counts.errors += 1;
    }
    writeFileSync(process.env.BELLHOP_TEST_COUNTS, JSON.stringify(counts));
  }
}
