import { describe, expect, it } from "vitest";
import { z } from "zod";
import { TOKEN } from "../../channels/__tests__/fake-flow.ts";
import { NumberedStep } from "../../core/connect.ts";
import { loadAssets } from "../assets.ts";
import { renderConnectPage } from "../pages/connect.ts";
import { BegunAttempt } from "../schemas.ts";
import { chatOf, HOST, type House, openHouse, TCP } from "./house.ts";

/** A browser of somebody who is logged in. */
async function browser({ app, tokens }: House) {
  const { secret } = await tokens.issue({ kind: "web", scope: "chat", label: "test", ttlMs: 1e10 });
  const headers = {
    ...HOST,
    cookie: `bellhop-7407=${secret}`,
    origin: "http://127.0.0.1:7407",
    "x-bellhop": "web",
    accept: "text/html",
    "content-type": "application/json",
  };
  return async (method: string, path: string, body?: object) =>
    await app.request(path, { method, headers, ...(body && { body: JSON.stringify(body) }) }, TCP);
}

const Shown = z.object({ number: z.number(), over: z.boolean(), html: z.string() });

describe("the page on which an account is connected", () => {
  it("shows each step as the plugin says, draws its code, and keeps what it wants kept", async () => {
    const house = await openHouse();
    const call = await browser(house);
    const page = await (await call("GET", "/channels/fake/connect")).text();
    const begun = await call("POST", "/api/v1/channels/fake/connect");
    const { attempt } = BegunAttempt.parse(await begun.json());
    const shown: string[] = [];
    let number = -1;
    async function next() {
      const after = number < 0 ? "" : `?after=${number}`;
      const response = await call("GET", `/channels/fake/connect/${attempt}/step${after}`);
      const step = Shown.parse(await response.json());
      ({ number } = step);
      shown.push(step.html);
      return step;
    }
    async function until(what: string) {
      for (let step = await next(); !step.html.includes(what); step = await next())
        if (step.over) throw new Error(`it is over: ${step.html}`);
    }
    const answer = async (value: string) =>
      await call("POST", `/api/v1/channels/fake/connect/${attempt}/answer`, { number, value });

    await until("The token of your bot?");
    const answered = await answer(TOKEN);
    await until("<svg");
    await until("What is it called?");
    await answer(`<b>home</b>`);
    await until("Well done.");

    expect(page).toContain(`data-name="fake"`);
    expect(answered.status).toBe(200);
    expect(shown.find((one) => one.includes("The token"))).toContain(`type="password"`);
    expect(shown.at(-1)).toContain("Connected: &lt;b&gt;home&lt;/b&gt;.");
    expect(shown.join("")).not.toContain(TOKEN);
    expect(shown.join("")).not.toMatch(/style=|<script/);
    expect(house.kept).toEqual([{ FAKE_TOKEN: TOKEN }]);
  });

  it("says that there is nothing to connect by a plugin that is not there", async () => {
    const house = await openHouse();

    const response = await (await browser(house))("GET", "/channels/telegram/connect");

    expect(response.status).toBe(404);
    expect(await response.text()).toContain("No plugin telegram connects accounts here.");
  });

  it("sends whoever is not logged in to the login", async () => {
    const { app } = await openHouse();

    const response = await app.request("/channels/fake/connect", { headers: HOST }, TCP);

    expect([response.status, response.headers.get("location")]).toEqual([302, "/login"]);
  });
});

it("has a button for each account that can be disconnected", async () => {
  const rendered = await renderConnectPage({
    assets: loadAssets(),
    assistant: "Bellhop",
    name: "fake",
    known: true,
    accounts: ["", "2"],
  });
  const page = String(rendered);

  expect(page).toContain('data-disconnect="">Disconnect fake</button>');
  expect(page).toContain('data-disconnect="2">Disconnect fake/2</button>');
});

describe("connecting an account over the API", () => {
  it.each([
    ["POST", "/api/v1/channels/fake/connect"],
    ["POST", "/api/v1/channels/fake/disconnect"],
    ["GET", "/api/v1/channels"],
  ])("is the owner's: %s %s", async (method, path) => {
    const house = await openHouse();
    const authorization = `Bearer ${await house.token("chat")}`;

    const response = await house.app.request(path, { method, headers: { ...HOST, authorization } }, TCP);

    expect(response.status).toBe(403);
  });

  it("forgets an account in reverse, and says what it forgot", async () => {
    const house = await openHouse();
    const call = await browser(house);

    const done = await call("POST", "/api/v1/channels/fake/disconnect", { account: "" });
    const wrong = await call("POST", "/api/v1/channels/fake/disconnect", { account: "work" });

    expect([done.status, await done.json()]).toEqual([200, { forgot: ["FAKE_TOKEN"] }]);
    expect(wrong.status).toBe(409);
  });

  it("refuses an answer to what is not asked, and an attempt that never was", async () => {
    const house = await openHouse();
    const call = await browser(house);
    const begun = await call("POST", "/api/v1/channels/fake/connect");
    const base = `/api/v1/channels/fake/connect/${BegunAttempt.parse(await begun.json()).attempt}`;

    const early = await call("POST", `${base}/answer`, { number: 99, value: "x" });
    const never = await call("GET", `/api/v1/channels/fake/connect/${crypto.randomUUID()}`);
    await call("DELETE", base);

    expect([early.status, never.status]).toEqual([409, 409]);
    expect(NumberedStep.parse(await (await call("GET", `${base}?after=1`)).json()).shown).toEqual({
      step: "failed",
      why: "It was cancelled.",
    });
  });
});

describe("a message with buttons in the web chat", () => {
  async function given() {
    const house = await openHouse();
    const chat = chatOf("main");
    const { message } = await house.says(chat, "hello");
    const { group_id: groupId } = await house.db
      .selectFrom("inbox")
      .select("group_id")
      .where("id", "=", message)
      .executeTakeFirstOrThrow();
    const until = house.clock.now() + 60_000;
    const offer = { instead: "May it?", until, buttons: [{ label: "Allow", command: "/approve abcd2345" }] };
    await house.outbox.oweNotice({ chat, groupId, key: "card", text: "May it? /approve abcd2345", offer });
    const claimed = await house.outbox.claim(chat);
    if (claimed && "row" in claimed) await house.outbox.sent(claimed.row, "card");
    const call = await browser(house);
    const html = await (await call("GET", "/chats/web%3Amain")).text();
    const [, button = ""] = /data-press="([\w-]+)"/.exec(html) ?? [];
    return { ...house, call, html, button };
  }

  it("shows its buttons instead of its commands, with the time when they go", async () => {
    const { html, clock } = await given();

    expect(html).toContain(`<div class="text plain">May it?</div>`);
    expect(html).toContain(`data-until="${clock.now() + 60_000}"`);
    expect(html).not.toContain("/approve");
  });

  it("gives the command of the button that is pressed", async () => {
    const { call, button, db } = await given();

    const response = await call("POST", `/api/v1/chats/web%3Amain/buttons/${button}`, {});

    expect(response.status).toBe(201);
    expect(
      await db.selectFrom("inbox").select(["kind", "text"]).where("kind", "=", "button").execute(),
    ).toEqual([{ kind: "button", text: "/approve abcd2345" }]);
  });

  it("is answered by the owner in person alone", async () => {
    const { app, token, button } = await given();
    const headers = { ...HOST, authorization: `Bearer ${await token("chat")}` };

    const path = `/api/v1/chats/web%3Amain/buttons/${button}`;
    const response = await app.request(path, { method: "POST", headers }, TCP);

    expect(response.status).toBe(403);
  });
});
