/** The browser without a sandbox around it, on a site of this machine: what pages do, and what is told of it. */
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { authority } from "../../../packages/host/src/broker/egress/__tests__/internet.ts";
import { type Browser, createBrowser } from "../skills/browser/browser.ts";
import { run } from "../skills/browser/commands.ts";

const missing = !existsSync("/usr/bin/chromium");
if (missing && process.env["BELLHOP_CI"] === "1") throw new Error("Chromium is wanted here");

const PAGES: Readonly<Record<string, string>> = {
  "/": `<title>Desk</title><a href="/two">Two</a> <a href="/two" target="_blank">Apart</a>
    <button onclick="confirm('Sure?') ? 0 : this.textContent = 'Not sure'">Ask</button>
    <select aria-label="Town"><option>Graz</option><option>Kiel</option></select>
    <input type="file" aria-label="Paper" onchange="this.nextSibling.textContent = this.files[0].name"><p></p>
    <a href="/report.csv" download>Report</a>
    <img src="http://other.invalid/x.png" alt="x">`,
  "/two": "<title>Two</title><p>The second page</p>",
  "/report.csv": "figures",
  "/long": `<title>Long</title>${"<p>So it goes on and on and on.</p>".repeat(1_000)}`,
  "/set":
    "<title>Set</title><script>document.cookie = 'guest=ann'; localStorage.setItem('seat', '12')</script>",
  "/get":
    "<p></p><script>document.querySelector('p').textContent = document.cookie + ' ' + localStorage.getItem('seat')</script>",
};

describe.skipIf(missing)(
  `the browser${missing ? " (SKIPPED: Chromium is missing)" : ""}`,
  { timeout: 120_000 },
  () => {
    let folder: string;
    let root: string;
    let browser: Browser;
    const server = createServer((request, response) => {
      const page = PAGES[request.url ?? ""];
      response.writeHead(page === undefined ? 404 : 200, {
        "content-type": request.url?.endsWith(".csv") === true ? "text/csv" : "text/html",
      });
      response.end(page);
    });
    const say = (...argv: readonly string[]) => run(browser, argv, folder);
    /** The REF of what is called so on the page as it is. */
    async function ref(name: string): Promise<string> {
      const [, found = "none"] =
        new RegExp(`"${name}"[^\\n]*\\[ref=((?:f\\d+)?e\\d+)\\]`).exec(await say("snapshot")) ?? [];
      return found;
    }

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "bellhop-browser-"));
      await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
      root = `http://127.0.0.1:${(server.address() as AddressInfo).port}`; // it listens on a port
      browser = open();
    });
    afterAll(async () => {
      await browser.close();
      server.close();
      server.closeAllConnections();
      await rm(folder, { recursive: true, force: true });
    });

    const open = () =>
      createBrowser({
        folder: join(folder, ".browser"),
        downloads: join(folder, "downloads"),
        proxy: undefined,
      });

    it("tells of what lies elsewhere and was not loaded, once", async () => {
      expect(await say("open", `${root}/`)).toMatch(
        /^Page: "Desk" .*\nNot loaded, since they are other sites: other\.invalid\./,
      );
      expect(await say("snapshot")).not.toContain("Not loaded");
    });

    it("dismisses what a page asks, and says so", async () => {
      expect(await say("click", await ref("Ask"))).toContain(
        "The page showed a confirm, which was dismissed: Sure?",
      );
      expect(await say("text")).toContain("Not sure");
    });

    it("fills in lists and fields for files, and keeps what is downloaded", async () => {
      const downloaded = join(folder, "downloads", "report.csv");
      await writeFile(join(folder, "paper.txt"), "words");

      await say("select", await ref("Town"), "Kiel");
      await say("upload", await ref("Paper"), "paper.txt");
      const clicked = await say("click", await ref("Report"));
      await expect.poll(() => existsSync(downloaded)).toBe(true);
      const told = clicked + (await say("wait", "0.1"));

      expect(await say("snapshot")).toMatch(/option "Kiel" \[selected\]/);
      expect(await say("text")).toContain("paper.txt");
      expect(told).toContain(`Downloaded: ${downloaded}`);
      expect(await readFile(downloaded, "utf8")).toBe("figures");
    });

    it("goes to links, back, and to tabs that pages open", async () => {
      expect(await say("click", await ref("Two"))).toContain(`"Two" ${root}/two`);
      expect(await say("back")).toContain('"Desk"');
      expect(await say("click", await ref("Apart"))).toContain("A new tab was opened");
      expect(await say("tabs")).toMatch(/^ {2}1 {2}Page: "Desk".*\n\* 2 {2}Page: "Two"/);
      expect(await say("tab", "2", "--close")).toContain('"Desk"');
    });

    it("shows a long page in parts", async () => {
      await say("open", `${root}/long`);

      const first = await say("text");

      expect(first.length).toBeLessThan(13_000);
      expect(first).toMatch(/\(part 1 of \d+; the next: browser text 2\)$/);
      expect(await say("text", "99")).not.toContain("the next");
    });

    it("says what to do about a ref that is gone, a command that is none, a page that ended", async () => {
      await expect(say("click", "e12 or so")).rejects.toThrow(/is no REF; take one from/);
      await expect(say("dance")).rejects.toThrow(/There is no command dance\.\nbrowser COMMAND/);
      await expect(say("type", "e1")).rejects.toThrow("It is: browser type REF TEXT [--enter]");
      await expect(say("open", "chrome://crash")).rejects.toThrow(/memory is used up/);
      expect(await say("open", `${root}/two`)).toContain('"Two"');
    });

    it("opens nothing whose certificate is not to be trusted", async () => {
      const nobody = await authority("Nobody's");
      const server = createTlsServer(await nobody.pair("127.0.0.1"), (_request, response) =>
        response.end("let in"),
      );
      onTestFinished(async () => {
        server.close();
        server.closeAllConnections();
        await nobody.remove();
      });
      await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));

      const opening = say("open", `https://127.0.0.1:${(server.address() as AddressInfo).port}/`);

      await expect(opening).rejects.toThrow(/not to be trusted \(ERR_CERT_AUTHORITY_INVALID\)/);
      expect(await say("text")).not.toContain("let in");
    });

    it("is known to a site again when it was closed, and not when it has forgotten", async () => {
      await say("open", `${root}/set`);
      await browser.close();
      browser = open();
      expect(await say("open", `${root}/get`)).toContain(`${root}/get`);
      expect(await say("text")).toContain("guest=ann 12");
      const file = join(folder, ".browser", "state.json");
      expect((await stat(file)).mode & 0o777).toBe(0o600);

      await say("forget");
      expect(existsSync(file)).toBe(false);
      await say("open", `${root}/get`);

      expect(await say("text")).toContain("null");
      expect(await readFile(file, "utf8")).not.toContain("ann");
    });
  },
);
