/**
 * Chromium, one context of it, and the page that commands are about.
 *
 * - It goes to the network by Bellhop alone and trusts what the sandbox trusts: both by the policy that Bellhop has
 *   put where Chromium looks. Nothing here turns the checking of certificates off.
 * - Its files are in the sandbox's own /tmp; what is to stay is state.ts's.
 * - What happens beside a command (a window that opens, a dialog, a download, what was passed over) is told with
 *   the next answer.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import type { BrowserContext, Page, Request, Response, Route } from "playwright-core";
import { refusedBy, reasonOf, siteOf } from "./reach.ts";
import { ENDED, Said } from "./said.ts";
import { stateIn } from "./state.ts";

const PROGRAMS = ["/usr/bin/chromium", "/usr/bin/chromium-browser"];
const ACTION_MS = 15_000;

/** What Chromium asks of its maker's services by itself, of which each would be a question to an owner. */
const SILENT = [
  "--gcm-checkin-url=http://127.0.0.1:9/",
  "--gcm-registration-url=http://127.0.0.1:9/",
  "--gcm-mcs-endpoint=https://127.0.0.1:9",
  "--autofill-server-url=http://127.0.0.1:9/",
  "--gaia-url=http://127.0.0.1:9/",
  "--google-apis-url=http://127.0.0.1:9/",
];

export interface BrowserOptions {
  /** Where the state is. */
  readonly folder: string;
  readonly downloads: string;
  /** Bellhop's, which the reason of a refusal is had from. */
  readonly proxy: string | undefined;
}

interface Open {
  readonly context: BrowserContext;
  readonly close: () => Promise<void>;
}

export type Browser = ReturnType<typeof createBrowser>;

export function createBrowser({ folder, downloads, proxy }: BrowserOptions) {
  const state = stateIn(folder);
  /** Sites that pages may load from beside their own. */
  const loads = new Set<string>();
  /** Told with the next answer. */
  const notes: string[] = [];
  const passedOver = new Set<string>();
  /** Pages that the broker, or an owner whom it asks, has not decided about. None of them rejects. */
  const judging = new Set<Promise<string | undefined>>();
  /** Why the last page that was wanted did not come. */
  let refused: string | undefined;
  let open: Open | undefined;
  let current: Page | undefined;
  /** The last document of each page, and where it is on its way to. */
  const documents = new WeakMap<Page, Response>();
  const bound = new WeakMap<Page, string>();
  const crashed = new WeakSet<Page>();

  const pages = (): readonly Page[] => open?.context.pages().filter((one) => !crashed.has(one)) ?? [];

  async function start(): Promise<Open> {
    const executablePath = PROGRAMS.find((path) => existsSync(path));
    if (executablePath === undefined)
      throw new Said(
        "There is no Chromium in this sandbox. A person can install the package chromium on this machine, or, where sandboxes are made from an image, build it anew: bellhop image build.",
      );
    const library = new URL("lib/playwright-core/index.mjs", import.meta.url);
    const { chromium } = (await import(library.href)) as typeof import("playwright-core");
    const program = await chromium.launch({
      executablePath,
      // Its own sandbox needs what ours forbids, but for images that were allowed to have it; and it is not for root.
      chromiumSandbox: process.getuid?.() !== 0 && spawnSync("unshare", ["--user", "true"]).status === 0,
      args: ["--disable-quic", "--disk-cache-size=33554432", ...SILENT],
    });
    const storageState = await state.load();
    const context = await program.newContext({
      viewport: { width: 1280, height: 800 },
      serviceWorkers: "block", // they would load past `look`
      ...(storageState && { storageState }),
    });
    context.setDefaultTimeout(ACTION_MS);
    context.setDefaultNavigationTimeout(100_000); // an owner may be asked
    await context.route(/^https?:/, look);
    await context.routeWebSocket(/^wss?:/, (socket) => {
      if (mayLoad(new URL(socket.url()).hostname, current)) socket.connectToServer();
      else void socket.close();
    });
    context.on("page", watch);
    const opened = { context, close: () => program.close() };
    program.on("disconnected", () => {
      if (open === opened) open = current = undefined;
    });
    return opened;
  }

  function watch(page: Page): void {
    if (current) notes.push("A new tab was opened, and is the current one; `browser tabs` shows all.");
    current = page;
    page.on("close", () => {
      if (current === page) current = pages().at(-1);
    });
    page.on("crash", () => {
      notes.push(ENDED);
      crashed.add(page);
      if (current === page) current = pages().at(-1);
      void page.close();
    });
    page.on("dialog", (dialog) => {
      notes.push(
        `The page showed a ${dialog.type()}, which was dismissed: ${dialog.message().slice(0, 500)}`,
      );
      void dialog.dismiss();
    });
    page.on("response", (response) => {
      if (isPage(response.request())) documents.set(page, response);
    });
    page.on("download", (download) => {
      const path = join(downloads, basename(download.suggestedFilename()));
      download.saveAs(path).then(
        () => notes.push(`Downloaded: ${path}`),
        (error: unknown) => notes.push(`A download failed: ${String(error).slice(0, 300)}`),
      );
    });
  }

  /** Every request of a page's. */
  async function look(route: Route): Promise<void> {
    const request = route.request();
    const url = new URL(request.url());
    const page = pageOf(request);
    if (!isPage(request)) {
      if (mayLoad(url.hostname, page)) return await route.fallback();
      passedOver.add(url.hostname);
      return await route.abort("blockedbyclient");
    }
    if (page) bound.set(page, url.hostname);
    const secure = url.protocol === "https:" && !/^(localhost|127\.0\.0\.1)$/.test(url.hostname);
    const port = Number(url.port) || 443;
    const asking = secure ? refusedBy(proxy, url.hostname, port) : Promise.resolve(undefined);
    judging.add(asking);
    const why = await asking;
    judging.delete(asking);
    if (why === undefined) return await route.fallback();
    refused = why;
    await route.abort("aborted"); // the page that is there stays
  }

  function mayLoad(host: string, page: Page | undefined): boolean {
    const own = page ? [bound.get(page) ?? "", hostOf(page.url())] : [];
    return loads.has(siteOf(host)) || own.some((one) => siteOf(one) === siteOf(host));
  }

  /** Bellhop's own answer in place of a page, of the last document. */
  async function refusal(page: Page): Promise<string | undefined> {
    const document = documents.get(page);
    const isJson = document?.headers()["content-type"]?.startsWith("application/json") === true;
    if (!document || document.status() < 400 || !isJson) return undefined;
    return reasonOf(await document.text().catch(() => ""));
  }

  async function page(): Promise<Page> {
    open ??= await start();
    current ??= pages().at(-1) ?? (await open.context.newPage());
    return current;
  }

  return {
    page,

    /** Pages load from its site too, until the browser is closed. */
    allow(host: string): void {
      loads.add(siteOf(host.toLowerCase()));
    },

    /** Those that are open, in the order in which they were opened. */
    pages,

    async turnTo(one: Page): Promise<void> {
      current = one;
      await one.bringToFront();
    },

    async newPage(): Promise<Page> {
      open ??= await start();
      current = undefined; // nothing is told of a tab that was asked for
      return await open.context.newPage();
    },

    /** Before a command: what an earlier one met is none of its. */
    begin(): void {
      refused = undefined;
    },

    isJudging: (): boolean => judging.size > 0,

    /** Resolves once it is known of every page that was wanted whether it may come. */
    async judged(): Promise<void> {
      while (judging.size > 0) await Promise.all(judging);
    },

    /** Why the page that was wanted did not come, in Bellhop's words. */
    async refusal(): Promise<string | undefined> {
      return refused ?? (current && (await refusal(current)));
    },

    /** What is to be told beside the answer; told once. */
    takeNotes(): readonly string[] {
      const told = notes.splice(0);
      if (passedOver.size > 0) {
        const hosts = [...passedOver].slice(0, 20).join(", ");
        told.push(
          `Not loaded, since they are other sites: ${hosts}. If the page does not work without one: browser load HOST, which may ask the owner.`,
        );
        passedOver.clear();
      }
      return told;
    },

    async save(): Promise<void> {
      if (open) await state.save(open.context);
    },

    async forget(): Promise<void> {
      await close();
      await state.forget();
    },

    async close(): Promise<void> {
      if (open) await state.save(open.context).catch(() => undefined); // it may be gone already
      await close();
    },
  };

  async function close(): Promise<void> {
    const closing = open;
    open = current = undefined;
    await closing?.close();
  }
}

/** The document of a window, and not of a frame in it. */
function isPage(request: Request): boolean {
  if (!request.isNavigationRequest()) return false;
  try {
    return request.frame().parentFrame() === null;
  } catch {
    return true; // of a window that is just opening
  }
}

function pageOf(request: Request): Page | undefined {
  try {
    return request.frame().page();
  } catch {
    return undefined; // as above
  }
}

const hostOf = (url: string): string => (URL.canParse(url) ? new URL(url).hostname : "");
