import { RejectedError } from "@bellhop/sdk";
import { describe, expect, it } from "vitest";
import { sandboxUid } from "../staging.ts";

describe("the user of a sandbox", () => {
  it.each([-1, 0.5, Number.NaN, 2 ** 31])(
    "is none for the group number %s: it could be root or somebody",
    (number) => {
      expect(() => sandboxUid(number)).toThrow(RejectedError);
    },
  );
});
