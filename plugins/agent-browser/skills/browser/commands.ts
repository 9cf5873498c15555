/** What can be typed behind `browser`, and what is printed for it. */
import { setTimeout as pause } from "node:timers/promises";
import { resolve } from "node:path";
import type { Locator, Page } from "playwright-core";
import type { Browser } from "./browser.ts";
import { codeOf, ENDED, Said, wordsOf } from "./said.ts";

interface Call {
  readonly browser: Browser;
  readonly args: readonly string[];
  /** Of whoever called. */
  readonly cwd: string;
}

interface Command {
  /** What stands behind its name. */
  readonly usage: string;
  readonly does: string;
  /** How many words it needs. */
  readonly least?: number;
  run(call: Call): Promise<string>;
}

/** Of a snapshot or a text, so that one page does not fill a conversation. */
const PART = 12_000;

const COMMANDS: Readonly<Record<string, Command>> = {
  open: {
    usage: "URL [--new]",
    does: "opens a page; --new in another tab",
    least: 1,
    async run({ browser, args: [address = "", how] }) {
      const page = how === "--new" ? await browser.newPage() : await browser.page();
      await goTo(page, addressOf(address), browser);
      return await stateOf(browser);
    },
  },
  snapshot: {
    usage: "[PART]",
    does: "what the page shows, with a REF for what can be used",
    async run({ browser, args: [part] }) {
      const page = await browser.page();
      return `${await headOf(page)}\n${partOf(await page.ariaSnapshot({ mode: "ai" }), part, "snapshot")}`;
    },
  },
  text: {
    usage: "[PART]",
    does: "the words of the page alone",
    async run({ browser, args: [part] }) {
      const page = await browser.page();
      return `${await headOf(page)}\n${partOf(await page.locator("body").innerText(), part, "text")}`;
    },
  },
  click: {
    usage: "REF",
    does: "clicks",
    least: 1,
    run: ({ browser, args: [ref] }) => acting(browser, async (page) => await at(page, ref).click()),
  },
  type: {
    usage: "REF TEXT [--enter]",
    does: "puts TEXT in the place of what is there; --enter presses Enter after it",
    least: 2,
    run: ({ browser, args: [ref, text = "", enter] }) =>
      acting(browser, async (page) => {
        await at(page, ref).fill(text);
        if (enter === "--enter") await at(page, ref).press("Enter");
      }),
  },
  press: {
    usage: "KEY",
    does: "presses a key: Enter, Escape, Tab, ArrowDown, Control+a",
    least: 1,
    run: ({ browser, args: [key = ""] }) => acting(browser, async (page) => await page.keyboard.press(key)),
  },
  select: {
    usage: "REF OPTION…",
    does: "chooses in a list, by words or value",
    least: 2,
    run: ({ browser, args: [ref, ...options] }) =>
      acting(browser, async (page) => await at(page, ref).selectOption(options)),
  },
  upload: {
    usage: "REF FILE…",
    does: "gives files to a field for files",
    least: 2,
    run: ({ browser, args: [ref, ...files], cwd }) =>
      acting(browser, async (page) => {
        await at(page, ref).setInputFiles(files.map((file) => resolve(cwd, file)));
      }),
  },
  scroll: {
    usage: "up|down|REF",
    does: "scrolls by most of a screen, or until REF is seen",
    least: 1,
    run: ({ browser, args: [where = ""] }) =>
      acting(browser, async (page) => {
        if (where === "up" || where === "down") await page.mouse.wheel(0, where === "up" ? -700 : 700);
        else await at(page, where).scrollIntoViewIfNeeded();
      }),
  },
  wait: {
    usage: "SECONDS|TEXT",
    does: "waits so long (30 at most), or until TEXT is shown",
    least: 1,
    run: ({ browser, args: [what = ""] }) =>
      acting(browser, async (page) => {
        if (/^\d+(\.\d+)?$/.test(what)) await pause(Math.min(Number(what), 30) * 1_000);
        else await page.getByText(what).first().waitFor({ timeout: 30_000 });
      }),
  },
  screenshot: {
    usage: "FILE.png [--full]",
    does: "a picture of what is seen; --full of the whole page",
    least: 1,
    async run({ browser, args: [file = "", how], cwd }) {
      const path = resolve(cwd, file);
      await (await browser.page()).screenshot({ path, type: "png", fullPage: how === "--full" });
      return `Written: ${path}`;
    },
  },
  pdf: {
    usage: "FILE.pdf",
    does: "the page as a PDF",
    least: 1,
    async run({ browser, args: [file = ""], cwd }) {
      const path = resolve(cwd, file);
      await (await browser.page()).pdf({ path, format: "A4", printBackground: true });
      return `Written: ${path}`;
    },
  },
  tabs: {
    usage: "",
    does: "all tabs",
    async run({ browser }) {
      const now = await browser.page();
      const lines = await Promise.all(
        browser.pages().map(async (page, index) => {
          return `${page === now ? "*" : " "} ${index + 1}  ${await headOf(page)}`;
        }),
      );
      return lines.join("\n");
    },
  },
  tab: {
    usage: "N [--close]",
    does: "makes a tab the current one, or closes it",
    least: 1,
    async run({ browser, args: [number = "", how] }) {
      const page = browser.pages()[Number(number) - 1];
      if (!page) throw new Said(`There is no tab ${number}; browser tabs shows them.`);
      if (how === "--close") await page.close();
      else await browser.turnTo(page);
      return await stateOf(browser);
    },
  },
  back: {
    usage: "",
    does: "to the page before",
    run: ({ browser }) => acting(browser, async (page) => await page.goBack({ waitUntil: "commit" })),
  },
  forward: {
    usage: "",
    does: "to the page after",
    run: ({ browser }) => acting(browser, async (page) => await page.goForward({ waitUntil: "commit" })),
  },
  load: {
    usage: "HOST",
    does: "lets pages load from another site too, until the browser is closed; reloads",
    least: 1,
    async run({ browser, args: [host = ""] }) {
      browser.allow(host);
      return await acting(browser, async (page) => await page.reload({ waitUntil: "domcontentloaded" }));
    },
  },
  forget: {
    usage: "",
    does: "closes it, and forgets all logins and cookies",
    async run({ browser }) {
      await browser.forget();
      return "Everything is forgotten.";
    },
  },
  close: {
    usage: "",
    does: "closes the browser; logins and cookies stay",
    run: async () => "Closed.",
  },
};

export const HELP = [
  "browser COMMAND …",
  ...Object.entries(COMMANDS).map(([name, { usage, does }]) => `  ${`${name} ${usage}`.padEnd(30)} ${does}`),
  "A REF is what stands in [ref=…] of the last snapshot.",
].join("\n");

/** @throws Said, or what Playwright throws */
export async function run(browser: Browser, argv: readonly string[], cwd: string): Promise<string> {
  const [name = "", ...args] = argv;
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!command) {
    if (/^(|help|--help|-h)$/.test(name)) return HELP;
    throw new Said(`There is no command ${name}.\n${HELP}`);
  }
  if (args.length < (command.least ?? 0)) throw new Said(`It is: browser ${name} ${command.usage}`);
  browser.begin();
  try {
    const said = await command.run({ browser, args, cwd });
    await browser.save();
    return [said, ...browser.takeNotes()].join("\n");
  } catch (error) {
    if (codeOf(error) === "ERR_ABORTED") await pause(500); // that the page crashed is told a moment later
    const why = await browser.refusal().catch(() => undefined);
    const notes = browser.takeNotes();
    if (notes.includes(ENDED)) throw new Said(notes.join("\n"), { cause: error });
    const words =
      error instanceof Said ? error.message : why === undefined ? wordsOf(error) : refusedWords(why);
    throw new Said([words, ...notes].join("\n"), { cause: error });
  }
}

const refusedWords = (why: string): string =>
  `Bellhop did not let the browser through: ${why}\nTrying again does not help: tell the person, and wait until they have answered.`;

async function goTo(page: Page, url: string, browser: Browser): Promise<void> {
  try {
    await page.goto(url, { waitUntil: "domcontentloaded" });
  } catch (error) {
    const code = codeOf(error) ?? "";
    // A connection to another host ends when the first strange words arrive (docs/egress.md): once more is enough.
    if (!/^ERR_(CONNECTION_CLOSED|CONNECTION_RESET|EMPTY_RESPONSE|HTTP2_\w+)$/.test(code)) throw error;
    browser.begin();
    await page.goto(url, { waitUntil: "domcontentloaded" });
  }
  await settled(page, browser);
}

/** Something is done on the page; then what has become of it. */
async function acting(browser: Browser, act: (page: Page) => Promise<unknown>): Promise<string> {
  const page = await browser.page();
  try {
    await act(page);
  } catch (error) {
    // It was done, and the page behind it waits for an owner: longer than an action may take.
    if (!browser.isJudging()) throw error;
  }
  await settled(page, browser);
  return await stateOf(browser);
}

/** What a click began is over, or has had its time. */
async function settled(page: Page, browser: Browser): Promise<void> {
  await pause(200); // a click's navigation begins a moment later
  await browser.judged();
  await page.waitForLoadState("domcontentloaded");
  await Promise.race([page.waitForLoadState("networkidle").catch(() => undefined), pause(2_000)]);
}

async function stateOf(browser: Browser): Promise<string> {
  const why = await browser.refusal();
  if (why !== undefined) throw new Said(refusedWords(why));
  return await headOf(await browser.page());
}

const headOf = async (page: Page): Promise<string> =>
  `Page: ${JSON.stringify((await page.title()).slice(0, 200))} ${page.url().slice(0, 500)}`;

function at(page: Page, ref = ""): Locator {
  if (!/^(f\d+)?e\d+$/.test(ref))
    throw new Said(`${ref} is no REF; take one from [ref=…] of the last browser snapshot.`);
  return page.locator(`aria-ref=${ref}`);
}

const addressOf = (given: string): string =>
  /^[a-z][a-z0-9+.-]*:(?!\d)/i.test(given) ? given : `https://${given}`;

/** By whole lines; each part says what follows it. */
function partOf(whole: string, wanted: string | undefined, command: string): string {
  const parts: string[] = [];
  let part = "";
  for (const line of whole.split("\n")) {
    const cut = line.slice(0, PART);
    if (part.length + cut.length > PART) {
      parts.push(part);
      part = "";
    }
    part += `${cut}\n`;
  }
  parts.push(part);
  const number = Math.min(Math.max(Math.trunc(Number(wanted)) || 1, 1), parts.length);
  const more =
    number < parts.length
      ? `\n(part ${number} of ${parts.length}; the next: browser ${command} ${number + 1})`
      : "";
  return `${(parts[number - 1] ?? "").trimEnd()}${more}`;
}
