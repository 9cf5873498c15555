import { describe, expect, it } from "vitest";
import { ConfigError, TemporaryError } from "../errors.ts";
import { createHealth } from "../health.ts";

const signal = new AbortController().signal;
const accept = async () => undefined;

describe("the health of an account that is listened to", () => {
  it("is connecting until it is up", () => {
    const health = createHealth();
    const before = health.now();

    health.up();

    expect([before, health.now()]).toEqual([{ state: "connecting" }, { state: "up" }]);
  });

  it("says why it connects again while it is listened to", () => {
    const health = createHealth();
    health.up();

    health.connecting("Another program is connected too.");

    expect(health.now()).toEqual({ state: "connecting", why: "Another program is connected too." });
  });

  it.each([
    [new ConfigError("The token is wrong."), "down"],
    [new TemporaryError("The network is gone."), "connecting"],
  ] as const)("is what ended it: %s: %s", async (error, state) => {
    const health = createHealth();
    const listen = health.listening(async (cursor) => {
      expect(cursor).toBe("7");
      health.up();
      throw error;
    });

    await expect(listen("7", accept, signal)).rejects.toBe(error);

    expect(health.now()).toEqual({ state, why: error.message });
  });
});
