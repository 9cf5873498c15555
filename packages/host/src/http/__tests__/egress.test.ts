import { describe, expect, it } from "vitest";
import { HOST, openHouse, SOCKET } from "./house.ts";

describe("the API of what rooms may reach", () => {
  it("takes rules, lists them and takes them back", async () => {
    const { app } = await openHouse();
    const ask = async (method: string, path: string, body?: object) => {
      const response = await app.request(
        `/api/v1${path}`,
        {
          method,
          headers: { ...HOST, "content-type": "application/json" },
          ...(body && { body: JSON.stringify(body) }),
        },
        SOCKET,
      );
      const answer: unknown = await response.json();
      return { status: response.status, answer };
    };

    const made = await ask("POST", "/egress/rules", { group: "main", rule: { host: "*.Example.com" } });
    const listed = await ask("GET", "/egress/rules");
    const wrong = await ask("POST", "/egress/rules", { group: null, rule: { host: "http://x" } });
    const removed = await ask("DELETE", "/egress/rules/1");
    const gone = await ask("DELETE", "/egress/rules/1");

    expect(made).toMatchObject({
      status: 201,
      answer: { id: 1, group: "main", rule: { host: "*.example.com", action: "allow" }, pin: null },
    });
    expect(listed).toMatchObject({ status: 200, answer: { rules: [{ id: 1 }] } });
    expect(wrong.status).toBe(400);
    expect(removed.status).toBe(200);
    expect(gone.status).toBeGreaterThanOrEqual(400);
  });
});
