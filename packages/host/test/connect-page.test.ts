/**
 * The page on which an account is connected, as an owner meets it: Chromium, a real host, and the plugin for WhatsApp
 * with a fake of its server. The code is read as a phone reads it, from what stands on the screen.
 */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { qrContent } from "../../../plugins/whatsapp/test/fake/socket.ts";
import { barriersOn, canVisit, complaintsOf, openBrowser, photograph } from "./browser.ts";
import { ANN, givenWhatsApp } from "./whatsapp.ts";

/** For what takes a second where nothing else goes on. */
const PATIENCE = { timeout: 20_000 };

/** In the browser, which reads pictures. */
const READ = `async (png) => {
  const bytes = Uint8Array.from(atob(png), (letter) => letter.charCodeAt(0));
  const image = await createImageBitmap(new Blob([bytes]));
  const paper = new OffscreenCanvas(image.width, image.height).getContext("2d");
  paper.drawImage(image, 0, 0);
  const { data, width, height } = paper.getImageData(0, 0, image.width, image.height);
  return jsQR(data, width, height)?.data;
}`;

describe.skipIf(!canVisit)("the page on which WhatsApp is connected", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(async () => await browser?.close());

  async function given() {
    const house = await givenWhatsApp();
    const context = await browser.newContext({ viewport: { width: 1200, height: 800 }, locale: "en-GB" });
    context.setDefaultTimeout(15_000);
    onTestFinished(async () => await context.close());
    const page = await context.newPage();
    const complaints = complaintsOf(page);
    const { url } = await house.client.loginCode();
    await page.goto(url);
    await page.waitForURL("**/chats/*");
    await page.goto(new URL("/channels/whatsapp/connect", url).href);
    const answers = async (text: string) => {
      await page.getByRole("textbox").fill(text);
      await page.keyboard.press("Enter");
    };
    return { ...house, page, complaints, answers };
  }

  /** What a camera reads off the screen. */
  async function scanned(page: Page): Promise<string | undefined> {
    const screen = (await page.screenshot()).toString("base64");
    const eye = await browser.newPage();
    try {
      await eye.evaluate(await readFile(fileURLToPath(import.meta.resolve("jsqr")), "utf8"));
      return z
        .string()
        .optional()
        .parse(await eye.evaluate(`(${READ})("${screen}")`));
    } finally {
      await eye.close();
    }
  }

  it("shows the warning, then a code that a phone can read, each in its time, and the number once it is linked", async () => {
    const { page, control, complaints, answers } = await given();
    const step = page.locator("#step");

    await step.getByText("use one that you can spare").waitFor();
    await photograph(page, "connect-ask");
    expect(await barriersOn(page)).toEqual([]);
    await answers("qr");

    await page.getByRole("img", { name: "QR code for the camera of your phone" }).waitFor();
    await expect.poll(() => page.locator("#step:focus").count(), PATIENCE).toBe(1); // the field that it stood in is gone
    await photograph(page, "connect-qr");
    expect(await barriersOn(page)).toEqual([]);
    expect(await scanned(page)).toBe(qrContent("qr-1"));
    control.does({ do: "rotate" });
    await expect.poll(() => scanned(page), PATIENCE).toBe(qrContent("qr-2"));
    for (const [name, colorScheme, width] of [
      ["dark", "dark", 1200],
      ["narrow-dark", "dark", 360],
      ["narrow", "light", 360],
    ] as const) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 800 });
      await photograph(page, `connect-qr-${name}`);
      expect(await scanned(page)).toBe(qrContent("qr-2"));
      expect(await barriersOn(page)).toEqual([]);
    }

    const lives = control.lives();
    control.does({ do: "pair" });
    await step.getByText("Connected: +4915100000001.").waitFor();
    await photograph(page, "connect-done");
    expect(await barriersOn(page)).toEqual([]);
    await control.isBack(lives);
    control.does({ do: "says", person: ANN, text: "say: linked by the page" });
    await control.shows(({ text }) => text.includes("linked by the page"));

    await step.getByRole("link", { name: "Connect another account" }).click();
    await page.getByRole("button", { name: "Disconnect whatsapp" }).waitFor();
    await photograph(page, "connect-again");
    expect(await barriersOn(page)).toEqual([]);
    expect(complaints).toEqual([]);
  }, 120_000);

  it("shows a code to type into the phone, for whoever gives its number", async () => {
    const { page, control, complaints, answers } = await given();

    await answers("+49 1510 0000001");
    await page.getByText("ABCD-2345").waitFor();
    await photograph(page, "connect-code");
    expect(await barriersOn(page)).toEqual([]);
    expect(await control.sees(({ codes }) => codes.includes("4915100000001"))).toBe(true);

    const lives = control.lives();
    control.does({ do: "pair" });
    await page.getByText("Connected: +4915100000001").waitFor();
    await control.isBack(lives);
    expect(complaints).toEqual([]);
  }, 120_000);
});
