/**
 * Chromium, for journeys through the pages. Where there is none they are skipped, and say so; BELLHOP_CI=1 makes that
 * a failure.
 */
import axe from "axe-core";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";

const OUTPUT = new URL("../../../test-output/", import.meta.url).pathname;
const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(
  existsSync,
);
const BWRAP = ["/usr/bin/bwrap", "/usr/local/bin/bwrap"].find(existsSync);

/** Whether a page can be opened here and an agent can answer on it. */
export const canVisit = process.env["BELLHOP_CI"] === "1" || (CHROMIUM !== undefined && BWRAP !== undefined);

export async function openBrowser(): Promise<Browser> {
  return await chromium.launch({
    executablePath: CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox"],
  });
}

/** What the browser complains about from here on: blocked by the policy, broken script, failed loads. */
export function complaintsOf(page: Page): string[] {
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  return complaints;
}

/** A picture of the page, for people: in `test-output/` of the repository. */
export async function photograph(page: Page, name: string): Promise<void> {
  mkdirSync(OUTPUT, { recursive: true });
  await page.screenshot({ path: join(OUTPUT, `${name}.png`) });
}

/** The barriers that axe sees on the page as it is. */
export async function barriersOn(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  return await page.evaluate(async () => {
    const { violations } = await (globalThis as unknown as { axe: typeof axe }).axe.run();
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
  });
}
