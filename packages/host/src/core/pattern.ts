/**
 * A group's own pattern: a regular expression in RE2's syntax, in any case, anywhere in the text. It
 * takes time linear in the text whatever the pattern, because people give the one and strangers the
 * other; what would not be linear (look-around, back references) is no pattern.
 */
import { createRequire } from "node:module";

/** As much of re2js as we use. */
interface Engine {
  readonly RE2JS: {
    readonly CASE_INSENSITIVE: number;
    compile(pattern: string, flags: number): { test(text: string): boolean };
  };
}

/** @throws Error that says what is wrong with it */
export function compilePattern(pattern: string): (text: string) => boolean {
  const { RE2JS } = engine();
  const compiled = RE2JS.compile(pattern, RE2JS.CASE_INSENSITIVE);
  return (text) => compiled.test(text);
}

/** Loaded with the first pattern: most homes have none, and an idle host should be small. */
function engine(): Engine {
  return require("re2js");
}

const require = createRequire(import.meta.url);
