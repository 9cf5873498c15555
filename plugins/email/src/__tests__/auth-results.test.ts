import { cpuMs } from "@bellhop/sdk/testing";
import { describe, expect, it } from "vitest";
import { parseAuthResults, provesDomain } from "../auth-results.ts";

const MINE = "mx.example.net";
const proves = (...headers: string[]) => provesDomain(headers, MINE, "example.org");

describe("Authentication-Results", () => {
  it.each([
    [
      "of Gmail",
      "mx.example.net; dkim=pass header.i=@example.org header.s=k1 header.b=Ab/c=; spf=pass (mx: domain of ann@example.org designates 192.0.2.1 as permitted sender) smtp.mailfrom=ann@example.org; dmarc=pass (p=NONE sp=NONE dis=NONE) header.from=example.org",
    ],
    [
      "of Microsoft",
      "mx.example.net 1; spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=example.org; dkim=none (message not signed) header.d=none;dmarc=pass action=none header.from=example.org;compauth=pass reason=100",
    ],
    ["of OpenDMARC", "mx.example.net; dmarc=pass (p=quarantine dis=none) header.from=example.org"],
    [
      "with a signature of the domain",
      "mx.example.net; dmarc=none header.from=example.org; dkim=pass header.d=example.org",
    ],
    ["with the way of the domain", "mx.example.net; spf=pass smtp.mailfrom=bounce@example.org"],
    [
      "folded, in capitals, with nested comments",
      "MX.Example.Net (a (b) c) ;\t DMARC = pass (x \\) y) header . from = Example.ORG",
    ],
    ["with a reason in quotes", 'mx.example.net; dmarc=pass reason="ok; dmarc=fail" header.from=example.org'],
  ])("prove the sender, %s", (_, header) => {
    expect(proves(header)).toBe(true);
  });

  it.each([
    ["that say nothing", "mx.example.net; none"],
    ["of another server", "mx.example.com; dmarc=pass header.from=example.org"],
    [
      "of a server whose name begins like ours",
      "mx.example.net.evil.example; dmarc=pass header.from=example.org",
    ],
    [
      "of a failure",
      "mx.example.net; dmarc=fail header.from=example.org; spf=pass smtp.mailfrom=example.org",
    ],
    ["of another domain", "mx.example.net; dmarc=pass header.from=example.com"],
    ["of a subdomain", "mx.example.net; dkim=pass header.d=mail.example.org"],
    [
      "of a signature of somebody else's",
      "mx.example.net; dkim=pass header.d=evil.example header.i=@evil.example",
    ],
    ["of a way of somebody else's", "mx.example.net; spf=pass smtp.mailfrom=ann@example.org@evil.example"],
    ["with a pass that is a comment", "mx.example.net; dmarc=fail (dmarc=pass header.from=example.org)"],
    [
      "with a pass that is in quotes",
      'mx.example.net; spf=fail reason="; dmarc=pass header.from=example.org"',
    ],
    ["with two domains", "mx.example.net; dmarc=pass header.from=evil.example header.from=example.org"],
    ["with a comment that is not closed", "mx.example.net; dmarc=pass header.from=example.org ("],
    ["without a domain", "mx.example.net; dmarc=pass"],
    ["of another version", "mx.example.net 2; dmarc=pass header.from=example.org"],
    ["of names of objects", "mx.example.net; __proto__=pass header.from=example.org"],
    ["that are endless", `mx.example.net; dmarc=pass header.from=example.org${" ".repeat(20_000)}`],
  ])("do not prove the sender, %s", (_, header) => {
    expect(proves(header)).toBe(false);
  });

  it("count where they are the topmost of our server alone", () => {
    const [pass, fail] = ["pass", "fail"].map(
      (result) => `${MINE}; dmarc=${result} header.from=example.org`,
    ) as [string, string];

    expect([proves(pass, fail), proves(fail, pass), proves("evil.example; dmarc=pass", fail, pass)]).toEqual([
      true,
      false,
      false,
    ]);
  });

  it("are read in no more time than it takes to read them", () => {
    const hostile = [
      "(".repeat(16_000),
      '"'.repeat(15_999),
      "a=".repeat(8_000),
      ";".repeat(16_000),
      " =".repeat(8_000),
    ];

    const took = cpuMs(() => {
      for (const header of hostile) parseAuthResults(`mx;${header}`);
    });

    expect(took).toBeLessThan(2_000);
  });
});
