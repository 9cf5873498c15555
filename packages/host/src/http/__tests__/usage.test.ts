import { describe, expect, it } from "vitest";
import { UsageReport } from "../../core/usage.ts";
import { fakeClock } from "../../core/testing.ts";
import { HOST, openHouse, SOCKET, TCP } from "./house.ts";

async function given() {
  const { app, tokens } = await openHouse({ clock: fakeClock() });
  return {
    async as(scope: "read" | "chat", path: string, body?: object) {
      const { secret } = await tokens.issue({ kind: "api", scope, label: "test" });
      const headers = { ...HOST, authorization: `Bearer ${secret}`, "content-type": "application/json" };
      const sent = body && { method: "POST", body: JSON.stringify(body) };
      return await app.request(`/api/v1${path}`, { headers, ...sent }, TCP);
    },
    async asOwner(path: string, body: object) {
      const headers = { ...HOST, "content-type": "application/json" };
      const sent = { method: "POST", headers, body: JSON.stringify(body) };
      return await app.request(`/api/v1${path}`, sent, SOCKET);
    },
  };
}

describe("GET /usage", () => {
  it("is for whoever may read", async () => {
    const { as } = await given();

    const response = await as("read", "/usage?by=sender&since=7d");

    expect(response.status).toBe(200);
    expect(UsageReport.parse(await response.json())).toMatchObject({ by: "sender", rows: [], budgets: [] });
  });

  it.each(["/usage?by=nonsense", "/usage?since=yesterday", "/usage?since=2026-13-01"])(
    "refuses %s with a reason",
    async (path) => {
      const { as } = await given();

      const { status } = await as("read", path);

      expect(status).toBeGreaterThanOrEqual(400);
      expect(status).toBeLessThan(500);
    },
  );
});

describe("POST /usage/lift", () => {
  it("is the owner's alone, and refuses a budget that has no limit", async () => {
    const { as, asOwner } = await given();
    const lift = { budget: "install/day", usd: 100 };

    expect((await as("chat", "/usage/lift", lift)).status).toBe(403);
    expect((await asOwner("/usage/lift", lift)).status).toBe(409);
    expect((await asOwner("/usage/lift", { budget: "everything" })).status).toBe(400);
    expect((await asOwner("/usage/lift", { ...lift, usd: -1 })).status).toBe(400);
  });
});
