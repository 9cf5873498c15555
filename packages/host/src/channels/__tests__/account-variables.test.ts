import { describe, expect, it } from "vitest";
import { accountVariables } from "../account-variables.ts";

describe("the variables of an account", () => {
  const declared = ["X_TOKEN", "X_TOKEN_2", "X_TOKEN_3", "X_WEBHOOK_SECRET"];

  it.each([
    [1, ["X_TOKEN"], ["X_TOKEN_2", "X_TOKEN_3"]],
    [3, ["X_TOKEN_3"], ["X_TOKEN", "X_TOKEN_2"]],
    [9, [], ["X_TOKEN", "X_TOKEN_2", "X_TOKEN_3"]],
  ])("number %i are %o, beside %o of the others and what is common", (number, own, others) => {
    expect(accountVariables(declared, number)).toEqual({ own, common: ["X_WEBHOOK_SECRET"], others });
  });

  it("have numbers of any length", () => {
    expect(accountVariables(["X", "X_2", "X_10", "LEVEL_1"], 10)).toEqual({
      own: ["X_10"],
      common: ["LEVEL_1"],
      others: ["X", "X_2"],
    });
  });

  it("of a plugin that has only one are all that it declares", () => {
    expect(accountVariables(["A", "B"], 1)).toEqual({ own: ["A", "B"], common: [], others: [] });
    expect(accountVariables(["A", "B"], 2)).toEqual({ own: [], common: [], others: [] });
  });
});
