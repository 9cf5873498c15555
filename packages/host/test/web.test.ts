/**
 * The web chat as a person meets it: a real host with the rehearsal model and a real sandbox, and
 * Chromium. The tests are one visit, each going on where the one before stopped.
 *
 * Skipped, and said so, where there is no Chromium or no sandbox; BELLHOP_CI=1 makes that a failure.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { barriersOn, canVisit, complaintsOf, openBrowser, photograph } from "./browser.ts";

const LAUNCHER = new URL("../bin/bellhop.js", import.meta.url).pathname;
const Ready = z.object({ url: z.string(), token: z.string(), pid: z.int() });
const LoginCode = z.object({ url: z.string() });

interface Running {
  readonly ready: z.infer<typeof Ready>;
  readonly child: ChildProcess;
  readonly exited: Promise<unknown>;
}

async function startHost(home: string, port: number): Promise<Running> {
  const argv = [LAUNCHER, "up", "--json", "--no-terminal", "--port", String(port), "--home", home];
  // Of this machine's environment nothing that could name a model or a key.
  const env = { PATH: process.env["PATH"] ?? "", HOME: tmpdir() };
  const child = spawn(process.execPath, argv, { env, stdio: ["ignore", "pipe", "inherit"] });
  const exited = new Promise((resolve) => child.once("exit", resolve));
  const line = await Promise.race([
    new Promise<string>((resolve) => createInterface(child.stdout).once("line", resolve)),
    exited.then((code) =>
      Promise.reject(new Error(`the host ended with ${String(code)} before it was ready`)),
    ),
  ]);
  return { ready: Ready.parse(JSON.parse(line)), child, exited };
}

async function loginLink(home: string): Promise<string> {
  const text = await new Promise<string>((resolve, reject) => {
    const socketPath = join(home, "run/control.sock");
    request({ socketPath, path: "/api/v1/login-codes", method: "POST" }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (piece: string) => (body += piece));
      response.on("end", () => resolve(body));
    })
      .on("error", reject)
      .end();
  });
  return LoginCode.parse(JSON.parse(text)).url;
}

describe.skipIf(!canVisit)("the web chat", () => {
  let folder: string;
  let home: string;
  let host: Running;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let complaints: string[];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "bellhop-web-"));
    home = join(folder, "home");
    host = await startHost(home, 0);
    browser = await openBrowser();
    context = await browser.newContext({ viewport: { width: 1200, height: 800 }, locale: "en-GB" });
    context.setDefaultTimeout(30_000);
    page = await context.newPage();
    complaints = complaintsOf(page);
  });

  /** A visit that went wrong is over: what would come after it says nothing. */
  let over = false;
  beforeEach(({ skip }) => skip(over, "the visit ended before"));
  afterEach(({ task }) => {
    over ||= task.result?.state === "fail";
  });

  afterAll(async () => {
    await browser?.close();
    host?.child.kill("SIGTERM");
    await host?.exited;
    await rm(folder, { recursive: true, force: true });
  });

  const answers = () => page.locator("#log .theirs .text");
  const lastAnswer = () => answers().last();
  const state = () => page.locator("#log .mine .state").last();

  async function write(text: string) {
    await page.getByLabel("Message to Bellhop").fill(text);
    await page.keyboard.press("Enter");
  }

  async function isAccessible(name: string) {
    const found = await barriersOn(page);
    await photograph(page, `web-${name}`);
    expect(found).toEqual([]);
  }

  it("shows nothing but the login to a stranger", async () => {
    await page.goto(`${host.ready.url}/chats/web%3Amain`);

    expect(new URL(page.url()).pathname).toBe("/login");
    await isAccessible("login");
  });

  it("logs in by a link that works once, and leaves no code in the address", async () => {
    const link = await loginLink(home);

    await page.goto(link);
    await page.waitForURL("**/chats/new");
    expect(page.url()).not.toContain("#");

    const second = await browser.newPage();
    await second.goto(link);
    await second.getByText("This login link has been used").waitFor();
    await second.close();

    // A link on another site: the browser sends no cookie along, and still nobody has to log in again.
    const elsewhere = await context.newPage();
    await elsewhere.route("http://elsewhere.example/", (route) =>
      route.fulfill({ contentType: "text/html", body: `<a href="${host.ready.url}/">chat</a>` }),
    );
    await elsewhere.goto("http://elsewhere.example/");
    await elsewhere.getByText("chat").click();
    await elsewhere.waitForURL("**/chats/new");
    await elsewhere.close();
    await isAccessible("new");
  });

  it("begins a chat with the first message, and is answered", async () => {
    await page.keyboard.type("Hello! Who are you?"); // the focus is where one writes
    await page.keyboard.press("Enter");

    await page.waitForURL("**/chats/web%3A*");
    await lastAnswer().filter({ hasText: "rehearsal model" }).waitFor();
    expect(await page.getByRole("heading", { level: 1 }).textContent()).toBe("Hello! Who are you?");
    expect(await page.locator("#log .mine").count()).toBe(1);
  });

  it("shows the answer as it is written, and then once, formatted", async () => {
    await write("stream: 40 25");
    const live = page.locator("#live .text");
    await live.filter({ hasText: "word3" }).waitFor();
    const early = await live.textContent();
    await photograph(page, "web-streaming");

    await lastAnswer().filter({ hasText: "word40" }).waitFor();
    await page.locator("#live").waitFor({ state: "hidden" });
    expect(early).not.toContain("word40");
    expect(await page.getByText("word40").count()).toBe(1);

    await write("say: A **bold** [link](https://example.org) and `code`");
    await lastAnswer().filter({ hasText: "bold" }).waitFor();
    expect(await lastAnswer().locator("strong").textContent()).toBe("bold");
    expect(await lastAnswer().locator("a").getAttribute("rel")).toContain("noopener");
  });

  it("shows that a message is being answered, and that it could not be", async () => {
    await write("think: 1");
    await state().filter({ hasText: "Being answered" }).waitFor();
    await page.locator("#live .doing").filter({ hasText: /./ }).waitFor();
    await page.locator("#live").waitFor({ state: "hidden" });

    await write("error: refusal");
    await page.locator("#log .notice").waitFor();
    expect(await page.locator("#log .notice").textContent()).toContain("declined to answer");
    await state().filter({ hasText: "Not answered" }).waitFor();
  });

  it("shows what a chat command is answered, and no answer as missing", async () => {
    await write("/model");
    await page.getByText("The model is sonnet.").waitFor();

    expect(await page.locator("#log .mine .text").last().textContent()).toBe("/model");
    expect(await state().textContent()).toBe("");
  });

  it("takes what an agent says for text, whatever it says", async () => {
    await write(`say: <img src=x onerror="document.title='owned'"> ![x](https://evil.example/leak.png)`);
    await lastAnswer().filter({ hasText: "<img src=x" }).waitFor();

    expect(await page.title()).not.toContain("owned");
    expect(await page.locator("#log img").count()).toBe(0);
  });

  it("sends a picture and a text, chosen, dropped or pasted, and shows what comes back", async () => {
    const png = await page.screenshot({ clip: { x: 0, y: 0, width: 60, height: 40 } });
    await page.locator("#files").setInputFiles([
      { name: "a view.png", mimeType: "image/png", buffer: png },
      { name: "list.txt", mimeType: "text/plain", buffer: Buffer.from("eggs and milk") },
    ]);
    await page.getByRole("button", { name: "Remove list.txt" }).waitFor();
    await isAccessible("attached");
    await photograph(page, "web-attached");
    await write("see:");

    await lastAnswer()
      .filter({ hasText: `I see a file (image/png, ${png.length} bytes).` })
      .waitFor();
    const picture = page.locator("#log .mine img").last();
    expect(await picture.getAttribute("alt")).toBe("a view.png");
    await expect
      .poll(() => page.evaluate("[...document.querySelectorAll('#log .mine img')].at(-1).naturalWidth"))
      .toBe(60);
    expect(await page.getByRole("link", { name: "list.txt 13 bytes" }).count()).toBe(1);
    expect(await page.locator("#attached li").count()).toBe(0);

    await page.evaluate(`{
      const data = new DataTransfer();
      data.items.add(new File(["dropped"], "dropped.txt", { type: "text/plain" }));
      const drop = new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true });
      document.querySelector("main").dispatchEvent(drop);
    }`);
    await page.getByRole("button", { name: "Remove dropped.txt" }).click();
    expect(await page.locator("#attached").isVisible()).toBe(false);

    await write(
      `run: cp /workspace/media/*.png back.png\ntool: send_file {"path": "back.png", "caption": "as you like it"}`,
    );
    await page.locator("#log .theirs img").waitFor();
    await expect
      .poll(() => page.evaluate("document.querySelector('#log .theirs img').naturalWidth"))
      .toBe(60);
    await isAccessible("files");
  });

  it("says in words what it cannot attach, and keeps the text", async () => {
    await page.route("**/files?name=*", (route) =>
      route.fulfill({ status: 413, json: { error: { code: "too_large", message: "It is too large." } } }),
    );
    await page.locator("#files").setInputFiles([{ name: "big.bin", mimeType: "", buffer: Buffer.from("x") }]);
    await write("say: with a file");

    await page.locator("#attached .wrong").filter({ hasText: "It is too large." }).waitFor();
    expect(await page.getByLabel("Message to Bellhop").inputValue()).toBe("say: with a file");

    await page.unroute("**/files?name=*");
    complaints.splice(0); // the browser reports the answer, as it should
    await page.getByRole("button", { name: "Remove big.bin" }).click();
    await page.getByLabel("Message to Bellhop").fill("");
  });

  it("has no barriers that axe can see, light, dark and narrow", async () => {
    await isAccessible("light");
    await page.emulateMedia({ colorScheme: "dark" });
    await isAccessible("dark");
    await page.setViewportSize({ width: 360, height: 700 });
    await isAccessible("narrow");
    await page.getByRole("button", { name: "Chats" }).click();
    await isAccessible("narrow-menu");
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(360);

    await page.keyboard.press("Escape");
    await page.emulateMedia({ colorScheme: "light" });
    await page.setViewportSize({ width: 1200, height: 800 });
  });

  it("works by keyboard alone: skip link, new line, send, another chat", async () => {
    await page.reload();
    const writing = page.getByLabel("Message to Bellhop");
    const focused = (selector: string) => page.locator(`${selector}:focus`).isVisible();
    // From where one writes back to the beginning of the page, as far as that may be.
    for (let n = 0; n < 100 && !(await focused(".skip")); n++) await page.keyboard.press("Shift+Tab");
    expect(await focused(".skip")).toBe(true);
    expect(await focused("#text")).toBe(false);
    await page.keyboard.press("Enter");
    expect(await focused("#text")).toBe(true);
    await page.keyboard.type("say: one");
    await page.keyboard.press("Shift+Enter");
    await page.keyboard.type("say: two");
    expect(await writing.inputValue()).toBe("say: one\nsay: two");
    await page.keyboard.press("Enter");
    await lastAnswer().filter({ hasText: "two" }).waitFor();

    await page.getByRole("link", { name: "New chat" }).focus();
    await page.keyboard.press("Enter");
    await page.waitForURL("**/chats/new");
    await page.keyboard.type("say: second chat");
    await page.keyboard.press("Enter");
    await lastAnswer().filter({ hasText: "second chat" }).waitFor();
    expect(await page.locator("#log .mine").count()).toBe(1);
  });

  it("keeps chats apart, and marks those in which something was said", async () => {
    const first = page.locator("#chats a", { hasText: "Hello! Who are you?" });
    const chat = (await first.getAttribute("data-chat")) ?? "";

    await post(chat, "say: over here");
    await first.getByLabel("new messages").waitFor();
    expect(await page.getByText("over here").count()).toBe(0);

    await first.click();
    await lastAnswer().filter({ hasText: "over here" }).waitFor();
  });

  it("shows the same after a reload, and what was before it on demand", async () => {
    const chat = (await page.locator("main").getAttribute("data-chat")) ?? "";
    for (let n = 1; n <= 60; n++) await post(chat, `say: number ${n}`);
    await lastAnswer().filter({ hasText: "number 60" }).waitFor();
    await page.locator("#live").waitFor({ state: "hidden" });

    await page.reload();
    await lastAnswer().filter({ hasText: "number 60" }).waitFor();
    expect(await page.getByText("Hello! Who are you?", { exact: true }).locator("visible=true").count()).toBe(
      2,
    ); // title and sidebar

    expect(await page.getByRole("button", { name: "Load earlier" }).isVisible()).toBe(true);
    while (await page.getByRole("button", { name: "Load earlier" }).isVisible()) {
      await page.getByRole("button", { name: "Load earlier" }).click();
      // Not by waitForFunction: that evaluates text in the page, which the page's policy forbids.
      await expect.poll(() => page.evaluate("document.querySelector('#earlier').disabled")).toBe(false);
    }
    expect(await page.locator("#log .mine .text").first().textContent()).toBe("Hello! Who are you?");
    const numbers = (await page.locator("#log .mine .text").allTextContents()).filter((text) =>
      /number/.test(text),
    );
    expect(numbers).toEqual(Array.from({ length: 60 }, (_, n) => `say: number ${n + 1}`));
  });

  it("keeps what is written while the host is gone, and hands it over once when it is back", async () => {
    expect(complaints).toEqual([]); // from here on the browser has reason to complain
    host.child.kill("SIGKILL");
    await host.exited;
    await page.getByText("Bellhop cannot be reached").waitFor();
    await write("say: kept for later");
    await page.getByText("Not sent yet; it is kept here.").waitFor();
    await photograph(page, "web-offline");

    host = await startHost(home, Number(new URL(host.ready.url).port));
    await lastAnswer().filter({ hasText: "kept for later" }).waitFor({ timeout: 30_000 });

    await page.locator("#offline").waitFor({ state: "hidden" });
    await page.reload();
    await lastAnswer().filter({ hasText: "kept for later" }).waitFor();
    expect(await page.getByText("say: kept for later").count()).toBe(1);
  }, 60_000);

  it("logs out", async () => {
    await page.getByRole("button", { name: "Log out" }).click();
    await page.waitForURL("**/login");
    await page.goto(`${host.ready.url}/`);
    expect(new URL(page.url()).pathname).toBe("/login");
  });

  /** As a program would, with the token that `up --json` gave. */
  async function post(chat: string, text: string) {
    const response = await fetch(`${host.ready.url}/api/v1/chats/${encodeURIComponent(chat)}/messages`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${host.ready.token}` },
      body: JSON.stringify({ text }),
    });
    expect(response.status).toBe(201);
  }
});
