import { describe, expect, it } from "vitest";
import { ChatId, chatId, MAIN } from "../../core/ids.ts";
import { chatOf, HOST, type House, openHouse, TCP } from "./house.ts";

const CHAT = chatOf("main");

/** A page, as the browser of somebody who is logged in gets it. */
async function open({ app, tokens }: House, path: string) {
  const { secret } = await tokens.issue({ kind: "web", scope: "chat", label: "test", ttlMs: 1e10 });
  const headers = { ...HOST, cookie: `bellhop-7407=${secret}`, accept: "text/html" };
  const response = await app.request(path, { headers }, TCP);
  return { status: response.status, location: response.headers.get("location"), html: await response.text() };
}

describe("the page of a chat", () => {
  it("shows what was said, and what became of it", async () => {
    const house = await openHouse();
    const asked = await house.says(CHAT, "what is **up**?");
    const turn = await house.turn(CHAT, [asked.message]);
    await turn.reply("Not **much**.");
    await turn.end();
    const second = await house.says(CHAT, "really?");
    await (await house.turn(CHAT, [second.message])).end("failed", "the model is away");
    const third = await house.says(CHAT, "hello?");
    await house.turn(CHAT, [third.message]);

    const { html } = await open(house, "/chats/web%3Amain");

    expect(html).toContain(`<div class="text plain">what is **up**?</div>`);
    expect(html).toContain("<p>Not <strong>much</strong>.</p>");
    const states = [...html.matchAll(/data-state="(\w+)">([^<]*)</g)].map(([, state, detail]) => [
      state,
      detail,
    ]);
    expect(states).toEqual([
      ["answered", ""],
      ["failed", "Not answered: the model is away"],
      ["working", "Being answered"],
    ]);
  });

  it("escapes whatever people call things and write", async () => {
    const evil = `"><script>alert(1)</script>`;
    const house = await openHouse();
    await house.deps.chats.ensure(chatOf("evil"), MAIN, evil);
    await house.says(chatOf("evil"), evil);
    await house.says(ChatId.parse(`web:${evil}`), evil);

    for (const id of ["web:evil", `web:${evil}`]) {
      const { status, html } = await open(house, `/chats/${encodeURIComponent(id)}`);
      expect(status).toBe(200);
      expect(html).not.toContain("<script>");
      expect(html).toContain("&lt;script&gt;");
    }
  });

  it("has no inline script, style or handler: the policy would block them", async () => {
    const house = await openHouse();
    await house.says(CHAT, "hello");

    for (const path of ["/chats/web%3Amain", "/chats/new", "/login"]) {
      const { html } = await open(house, path);
      expect(html).toMatch(/<script type="module" src="\/assets\/\w+\.js\?v=/);
      expect(html).not.toMatch(/<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=/);
    }
  });

  it("is read only where the chat lives elsewhere", async () => {
    const house = await openHouse();
    const telegram = chatId({ channel: "telegram", account: "", native: "42" });
    await house.deps.chats.ensure(telegram, MAIN, "Family");

    const { html } = await open(house, "/chats/telegram%3A42");

    expect(html).toContain("This chat lives in telegram");
    expect(html).not.toContain("<textarea");
  });

  it("that is not there says so, as a page", async () => {
    const { status, html } = await open(await openHouse(), "/chats/web%3Anone");

    expect(status).toBe(404);
    expect(html).toContain("<h1>That did not work</h1>");
  });
});

describe("the way in", () => {
  it("leads to the chat in which something happened last, or to a new one", async () => {
    const house = await openHouse();
    expect(await open(house, "/")).toMatchObject({ status: 302, location: "/chats/new" });

    await house.says(chatOf("old"), "1");
    await house.says(chatOf("newer"), "2");
    await house.deps.chats.ensure(chatOf("empty"), MAIN);

    expect(await open(house, "/")).toMatchObject({ location: "/chats/web%3Anewer" });
  });
});

describe("earlier messages", () => {
  it("come stretch by stretch, until there are no more", async () => {
    const house = await openHouse();
    for (let n = 1; n <= 250; n++) await house.says(CHAT, `m${n}`);
    const stretch = async (before: number) => {
      const { html } = await open(house, `/chats/web%3Amain/earlier?before=${before}`);
      const { html: messages, oldest, more } = JSON.parse(html);
      return { texts: [...messages.matchAll(/>(m\d+)</g)].map(([, text]) => text), oldest, more };
    };

    const page = await open(house, "/chats/web%3Amain");
    const oldest = Number(/data-oldest="(\d+)"/.exec(page.html)?.[1]);
    const second = await stretch(oldest);
    const third = await stretch(second.oldest);

    expect(oldest).toBe(151);
    expect([second.texts[0], second.texts.at(-1), second.more]).toEqual(["m51", "m150", true]);
    expect([third.texts[0], third.texts.at(-1), third.more]).toEqual(["m1", "m50", false]);
  });
});
