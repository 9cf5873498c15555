import { Hono } from "hono";
import { describe, expect, it } from "vitest";
import { createKnownSecrets, HIDDEN } from "../../core/known-secrets.ts";
import { hideSecrets } from "../hide.ts";
import type { HttpEnv } from "../identity.ts";

const KEY = 'canary-"0123456789';
const app = new Hono<HttpEnv>();
app.use(hideSecrets(createKnownSecrets([{ name: "A_KEY", value: KEY }])));
app.get("/json", (c) => c.json({ why: `the platform said ${KEY}` }, 201, { "X-Own": "kept" }));
app.get("/page", (c) => c.html(`<p>${KEY}</p>`));
app.get("/file", (c) => c.body(KEY, 200, { "Content-Type": "text/html", "Content-Disposition": "inline" }));
app.get("/broken", () => {
  throw new Error(`it broke at ${KEY}`);
});
app.onError((error, c) => c.json({ error: error.message }, 500));

describe("what the API answers", () => {
  it("holds no secret, as JSON, as a page, as an error", async () => {
    const answers = await Promise.all(
      ["/json", "/page", "/broken"].map(async (path) => await app.request(path)),
    );

    expect(await Promise.all(answers.map((answer) => answer.text()))).toEqual([
      `{"why":"the platform said ${HIDDEN}"}`,
      `<p>${HIDDEN}</p>`,
      `{"error":"it broke at ${HIDDEN}"}`,
    ]);
    expect(answers.map(({ status }) => status)).toEqual([201, 200, 500]);
    expect(answers[0]?.headers.get("X-Own")).toBe("kept");
  });

  it("leaves files as they are", async () => {
    expect(await (await app.request("/file")).text()).toBe(KEY);
  });
});
