/** What stops everything, and what was given up: for the owner and for tokens of the scope `admin` alone. */
import { describe, expect, it } from "vitest";
import { HOST, openHouse, SOCKET, TCP } from "./house.ts";

const ID = "0190c2f4-7a3b-4c1d-9e2f-1a2b3c4d5e6f";
const CALLS = [
  { method: "POST", path: "/host/pause", body: {}, status: 200 },
  { method: "POST", path: "/host/resume", body: {}, status: 200 },
  { method: "GET", path: "/dead", status: 200 },
  { method: "GET", path: `/dead/${ID}`, status: 404 },
  { method: "POST", path: `/dead/${ID}/retry`, body: {}, status: 404 },
  { method: "DELETE", path: `/dead/${ID}`, status: 404 },
];

describe.each(CALLS)("$method $path", ({ method, path, body, status }) => {
  const request = (token?: string) => ({
    method,
    headers: {
      ...HOST,
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body ? { "content-type": "application/json" } : {}),
    },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });

  it("is refused to a token that may only write", async () => {
    const { app, token } = await openHouse();

    const response = await app.request(`/api/v1${path}`, request(await token("chat")), TCP);

    expect(response.status).toBe(403);
  });

  it("is for a token that administers, and for the owner on this machine", async () => {
    const { app, token } = await openHouse();

    const byToken = await app.request(`/api/v1${path}`, request(await token("admin")), TCP);
    const bySocket = await app.request(`/api/v1${path}`, request(), SOCKET);

    expect([byToken.status, bySocket.status]).toEqual([status, status]);
  });
});
