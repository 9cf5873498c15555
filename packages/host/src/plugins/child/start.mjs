/**
 * The first program of a plugin's process: makes `@bellhop/sdk` the host's copy, then becomes child/main.ts.
 * argv: the folder of the compile cache (or nothing), the sdk, its plain text, its kit for tests, and what comes next.
 * With the cache a plugin in TypeScript starts without the compiler that takes its types out: 17 MiB.
 */
import module from "node:module";

const [, , cache, sdk, plainText, testing, main] = process.argv;
const OURS = {
  "@bellhop/sdk": sdk,
  "@bellhop/sdk/plain-text": plainText,
  "@bellhop/sdk/testing": testing,
};

if (cache) module.enableCompileCache(cache);
module.registerHooks({
  resolve(specifier, context, next) {
    const url = Object.hasOwn(OURS, specifier) ? OURS[specifier] : undefined;
    return url ? { url, shortCircuit: true } : next(specifier, context);
  },
});
await import(main);
