export * from "./peer.ts";
