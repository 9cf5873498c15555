import { RejectedError } from "@bellhop/sdk";
import { describe, expect, it } from "vitest";
import { parseCron } from "../cron.ts";

describe("what is written as cron", () => {
  it.each([
    ["  0 7 * * 1-5 ", "0 7 * * 1-5"],
    ["0\t7  * * MON-FRI", "0 7 * * MON-FRI"],
    ["*/30 * * * * *", "*/30 * * * * *"],
    ["@Daily", "@daily"],
    [" @YEARLY", "@yearly"],
  ])("is kept as it was written, without stray space: %j", (text, kept) => {
    expect(parseCron(text)).toBe(kept);
  });

  it.each([
    ["", /"" has 0 fields; cron has five/],
    ["7:00", /"7:00" has 1 field;/],
    ["0 0 0 1 1 * 2027", /has 7 fields/],
    ["60 * * * *", /the minute is "60", and may be 0 to 59/],
    ["61 * * * * *", /the second is "61"/],
    ["0 25 * * *", /the hour is "25", and may be 0 to 23/],
    ["0 0 32 * *", /the day of the month is "32", and may be 1 to 31/],
    ["0 0 * 13 *", /the month is "13", and may be 1 to 12/],
    ["0 0 * * FOO", /the weekday is "FOO", and may be 0 to 7/],
    ["0 0 * * MON#6", /the weekday is "MON#6"/],
    ["0 22-2 * * *", /the hour is "22-2".* a range from low to high/],
    ["*/0 * * * *", /the minute is "\*\/0"/],
    ["0 0 1,,2 * *", /the day of the month is "1,,2"/],
    ["@reboot", /"@reboot" names no time.*@hourly/],
    ["@often", /"@often" is not known\. The words are @yearly/],
    ["0 0 31 2 *", /never comes/],
    ["0 0 30,31 2 *", /never comes/],
  ])("is refused with what is wrong and what is right: %j", (text, words) => {
    expect(() => parseCron(text)).toThrow(RejectedError);
    expect(() => parseCron(text)).toThrow(words);
    expect(() => parseCron(text)).toThrow(/For example, "30 7 \* \* 1-5" is 7:30 from Monday to Friday\./);
  });
});
