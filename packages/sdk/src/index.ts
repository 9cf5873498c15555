export * from "./channel.ts";
export * from "./errors.ts";
