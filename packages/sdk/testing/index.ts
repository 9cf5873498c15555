export * from "./fake/changes.ts";
export * from "./fake/faults.ts";
export * from "./fake/feed.ts";
export * from "./fake/journal.ts";
export * from "./fake/rates.ts";
export * from "./fake/server.ts";
export * from "./peer.ts";
