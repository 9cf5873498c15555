import { describe, expect, it } from "vitest";
import { describeFindings } from "../doctor.ts";

describe("what doctor found", () => {
  it("is one line each, with what to do below it", () => {
    const said = describeFindings([
      { state: "ok", what: "home", found: "/home/me/.bellhop" },
      { state: "failed", what: "sandbox", found: "none can be made", fix: "Install one" },
    ]);

    expect(said).toBe(
      "ok    home     /home/me/.bellhop\nFAIL  sandbox  none can be made\n               → Install one\n",
    );
  });

  it("cannot drive a terminal, whatever an engine has printed", () => {
    expect(describeFindings([{ state: "ok", what: "docker", found: "\u001b[2Jgone" }])).not.toContain(
      "\u001b",
    );
  });
});
