/**
 * What Baileys says, in our log: as few words as it takes. Its fields are left out, all of them: they hold keys,
 * addresses and messages.
 */
import type { SocketConfig } from "baileys";
import type { Logger } from "@bellhop/sdk";

export function quietly(log: Logger): SocketConfig["logger"] {
  const say =
    (level: "debug" | "warn") =>
    (fields: unknown, text?: string): void =>
      log[level](`baileys: ${text ?? (typeof fields === "string" ? fields : "")}`.slice(0, 300));
  const nothing = (): void => undefined;
  const quiet: SocketConfig["logger"] = {
    level: "warn",
    child: () => quiet,
    trace: nothing,
    debug: nothing,
    info: nothing,
    warn: say("debug"), // it warns of much that it mends by itself
    error: say("warn"),
  };
  return quiet;
}
