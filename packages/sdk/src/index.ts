export * from "./accounts.ts";
export * from "./auth.ts";
export * from "./channel.ts";
export * from "./errors.ts";
export * from "./http-errors.ts";
export * from "./manifest.ts";
export * from "./plugin.ts";
export * from "./wire.ts";
