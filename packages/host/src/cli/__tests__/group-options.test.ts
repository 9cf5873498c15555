import { Command } from "commander";
import { describe, expect, it } from "vitest";
import { GroupChange, GroupChoices } from "../../config/sections.ts";
import { resetsOf, settingsOf, withSettings } from "../group-options.ts";

function typed(...words: string[]) {
  return settingsOf(withSettings(new Command()).parse(words, { from: "user" }).opts());
}

describe("the options of a group", () => {
  it("are one for each setting that a group may have of its own", () => {
    const options = withSettings(new Command()).options.map((option) => option.attributeName());

    expect(options.toSorted()).toEqual(Object.keys(GroupChoices.shape).toSorted());
    expect(Object.keys(GroupChange.shape).toSorted()).toEqual(options.toSorted());
  });

  it("become settings of the right kind", () => {
    expect(
      typed("--assistant", "Alfred", "--bots", "no", "--debounce-seconds", "2.5", "--task-effort", "low"),
    ).toEqual({ assistant: "Alfred", bots: false, debounceSeconds: 2.5, taskEffort: "low" });
  });

  it.each([
    [["--turn-minutes", "many"], "--turn-minutes"],
    [["--turn-minutes", ""], "--turn-minutes"],
    [["--bots", "perhaps"], "--bots"],
    [["--trigger", "never"], "--trigger"],
    [["--pattern", "("], "--pattern: is no pattern"],
    [["--timezone", "Mars"], "--timezone: is not a time zone"],
  ])("are refused as %j", (words, why) => {
    expect(() => typed(...words)).toThrow(why);
  });

  it("are taken back by their names", () => {
    expect(resetsOf(["turn-minutes", "turnMinutes", "model"])).toEqual({ turnMinutes: null, model: null });
    expect(() => resetsOf(["colour"])).toThrow("colour is no setting of a group");
  });
});
