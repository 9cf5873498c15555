import type { ChannelHealth } from "@bellhop/sdk";
import { describe, expect, it } from "vitest";
import { accountWords } from "../../core/status.ts";
import { accountStates, type Troubles } from "../health.ts";

const QUIET: Troubles = { silent: [], stuck: [] };
const silent = (why: string, stopped = false) => [{ channel: "fake", account: "home", why, stopped }];
const stuck = (why: string, stopped = false) => [{ account: "fake/home", why, stopped }];

function words(health: ChannelHealth | undefined, troubles: Partial<Troubles> = {}): string[] {
  const channel = { name: "fake", account: "home", ...(health && { health: () => health }) };
  const desk = { name: "web", account: "" };
  return accountStates([desk, channel], { ...QUIET, ...troubles }).map(accountWords);
}

describe("what is said of an account", () => {
  it.each<[string, ChannelHealth | undefined, Partial<Troubles>, string]>([
    ["it is up, without a word of its own", undefined, {}, "fake/home: up"],
    [
      "its own word",
      { state: "connecting", why: "the line is bad" },
      {},
      "fake/home: connecting, the line is bad",
    ],
    [
      "that it cannot be listened to, whatever it says of itself",
      { state: "up" },
      { silent: silent("the token is wrong", true) },
      "fake/home: down, the token is wrong",
    ],
    [
      "that it does not take what is sent",
      { state: "up" },
      { stuck: stuck("the platform asks to wait") },
      "fake/home: connecting, the platform asks to wait",
    ],
    [
      "the worst of all, and every reason once",
      { state: "connecting", why: "no network" },
      { silent: silent("no network"), stuck: stuck("logged out", true) },
      "fake/home: down, no network; logged out",
    ],
    [
      "nothing of another's trouble",
      { state: "up" },
      { stuck: [{ account: "fake", why: "x", stopped: true }] },
      "fake/home: up",
    ],
  ])("is %s", (_what, health, troubles, line) => {
    expect(words(health, troubles)).toEqual([line]);
  });
});
