import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { reasonOf, refusedBy, siteOf } from "../skills/browser/reach.ts";
import { wordsOf } from "../skills/browser/said.ts";

describe("a site", () => {
  it.each([
    ["example.com", "example.com"],
    ["static.shop.example.com", "example.com"],
    ["shop.example.co.uk", "example.co.uk"],
    ["localhost", "localhost"],
    ["192.168.1.20", "192.168.1.20"],
  ])("of %s is %s", (host, site) => {
    expect(siteOf(host)).toBe(site);
  });
});

describe("a refusal", () => {
  it("is told in Bellhop's words, and no page's", () => {
    const body = (message: string) => JSON.stringify({ error: { message } });

    expect(reasonOf(body("Bellhop: ask a person."))).toBe("ask a person.");
    expect(reasonOf(body("You are not logged in"))).toBeUndefined();
    expect(reasonOf("<p>Bellhop: no</p>")).toBeUndefined();
  });

  it("is asked for once, and a connection that may be opened is left unused", async () => {
    const asked: string[] = [];
    const proxy = createServer();
    proxy.on("connect", (request, socket) => {
      asked.push(request.url ?? "");
      const body = JSON.stringify({ error: { message: "Bellhop: closed.test may not be reached." } });
      if (request.url === "open.test:443") socket.write("HTTP/1.1 200 OK\r\n\r\n");
      else socket.end(`HTTP/1.1 403 Forbidden\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
    });
    await new Promise<void>((resolve) => void proxy.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void proxy.close());
    // A server on a port has such an address.
    const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;

    expect(await refusedBy(url, "open.test", 443)).toBeUndefined();
    expect(await refusedBy(url, "closed.test", 443)).toBe("closed.test may not be reached.");
    expect(asked).toEqual(["open.test:443", "closed.test:443"]);
  });
});

describe("what goes wrong in a browser", () => {
  it.each([
    ["page.goto: net::ERR_CERT_AUTHORITY_INVALID at https://a.test/", /certificate is not to be trusted/],
    [
      "page.goto: net::ERR_NAME_NOT_RESOLVED at http://a.test/",
      /^The page was not opened: there is no such host\.$/,
    ],
    ["page.goto: Target page, context or browser has been closed", /memory is used up/],
    [
      "locator.click: Timeout 15000ms exceeded.\nCall log:\n  - \u001b[2mwaiting\u001b[22m",
      /^It did not work: locator\.click: Timeout 15000ms exceeded\.$/,
    ],
  ])("is one sentence: %s", (message, said) => {
    expect(wordsOf(new Error(message))).toMatch(said);
  });
});
