/**
 * What `@bellhop/sdk` is in a plugin's process: all of it but the schemas of manifests. Their library would be a
 * third of the memory of a small plugin, and no plugin reads manifests while it runs.
 */
export * from "./accounts.ts";
export * from "./auth.ts";
export * from "./channel.ts";
export * from "./download.ts";
export * from "./errors.ts";
export * from "./form.ts";
export * from "./health.ts";
export * from "./http-errors.ts";
export * from "./plugin.ts";
export * from "./sending.ts";
export * from "./wire.ts";
