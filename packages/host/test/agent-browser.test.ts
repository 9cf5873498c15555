/**
 * The browser that agents have: a real Chromium in a real sandbox, driven as an agent drives it, on a small internet of
 * this machine.
 *
 * Skipped, and said so, where there is no Chromium or no sandbox; BELLHOP_CI=1 makes that a failure.
 */
import { existsSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import { openInternet } from "../src/broker/egress/__tests__/internet.ts";
import { MAIN } from "../src/core/ids.ts";
import { fakePlugin, fakePlugins } from "../src/plugins/__tests__/fake-plugins.ts";
import { readManifest } from "../src/plugins/manifest-file.ts";
import { givenHost, type Told } from "./journey.ts";

const PLUGIN = fileURLToPath(new URL("../../../plugins/agent-browser", import.meta.url));
const missing = !existsSync("/usr/bin/chromium") || !existsSync("/usr/bin/bwrap");
if (missing && process.env["BELLHOP_CI"] === "1") throw new Error("Chromium and bubblewrap are wanted here");
const note = missing ? " (SKIPPED: Chromium or bubblewrap is missing)" : "";
const MINUTES = 5 * 60_000;
const KIDS = "web:kids";

const PAGE = `<!doctype html><title>The inn</title><h1>Rooms by the sea</h1>
<button onclick="this.textContent = 'Booked for ' + document.querySelector('input').value">Book</button>
<input aria-label="Name"><a href="https://elsewhere.test/">Elsewhere</a>
<img src="https://pictures.test/sea.png" alt="The sea">`;

/** Whoever was at /login is known at /who. */
function inn(request: IncomingMessage, response: ServerResponse): void {
  const known = request.headers.cookie?.includes("guest=ann") === true;
  response.setHeader("content-type", "text/html");
  if (request.url === "/login") response.setHeader("set-cookie", "guest=ann; Path=/; HttpOnly; Secure");
  response.end(request.url === "/who" ? `<p>You are ${known ? "Ann" : "a stranger"}</p>` : PAGE);
}

async function given() {
  const internet = await openInternet();
  onTestFinished(internet.close);
  // Its authority is trusted by the broker, which looks into what goes to the inn, and by nobody in a sandbox.
  for (const host of ["inn.test", "elsewhere.test"]) await internet.site(host, inn);
  const manifest = await readManifest(PLUGIN);
  if (!manifest) throw new Error("the plugin has no manifest");
  const plugin = fakePlugin({ folder: PLUGIN, manifest });
  const plugins = fakePlugins(plugin);
  const journey = await givenHost({
    config: `egress:
  rules:
    - { host: inn.test, path: / }
groups:
  kids: { chats: [${KIDS}] }
`,
    network: internet.network,
    plugins,
  });
  const { client } = journey;
  /** What the commands say, one after the other, whatever becomes of each. */
  async function shell(chat: string, ...commands: readonly string[]): Promise<string> {
    return (await journey.ask(`run: (${commands.join("; ")}) 2>&1`, chat)).answer;
  }
  /** Every sandbox ends, and the next ones have the browser again. */
  async function endSandboxes(): Promise<void> {
    const { gifts } = await client.status();
    plugins.become([]);
    await expect.poll(async () => (await client.status()).rooms, { timeout: MINUTES }).toEqual([]);
    plugins.become([plugin]);
    await expect.poll(async () => (await client.status()).gifts, { timeout: MINUTES }).toEqual(gifts);
  }
  async function bytesOf({ frames }: Told): Promise<readonly Buffer[]> {
    const files = frames.flatMap((event) =>
      event.type === "message" && event.direction === "out" ? (event.files ?? []) : [],
    );
    return await Promise.all(files.map(async ({ id }) => await buffer(await client.download(id))));
  }
  return { ...journey, shell, endSandboxes, bytesOf, internet };
}

/** Of what is called so in a snapshot. */
function refIn(snapshot: string, name: string): string {
  const [, ref] = new RegExp(`"${name}"[^\\n]*\\[ref=(\\w+)\\]`).exec(snapshot) ?? [];
  if (ref === undefined) throw new Error(`there is no ${name} in ${snapshot}`);
  return ref;
}

describe.skipIf(missing)(`the browser of an agent${note}`, () => {
  it(
    "opens a page, uses it, and gives pictures of it to the chat; what is read taints, what is unknown is asked once",
    async () => {
      const { shell, ask, client, bytesOf, internet } = await given();
      const [gift] = (await client.status()).gifts;
      expect(gift).toMatchObject({ gives: ["skill browser", "programs browser"], problems: [] });

      const first = await shell("web:journey", "browser open https://inn.test/", "browser snapshot");
      const used = await shell(
        "web:journey",
        `browser type ${refIn(first, "Name")} "Ann of the hill"`,
        `browser click ${refIn(first, "Book")}`,
        "browser snapshot",
        "browser screenshot sea.png",
        "browser pdf sea.pdf",
      );
      const going = shell("web:journey", `browser click ${refIn(first, "Elsewhere")}`, "browser text");
      await expect.poll(() => client.trust.approvals(false), { timeout: MINUTES }).toHaveLength(1);
      const [card] = await client.trust.approvals(false);
      await client.trust.answer([card?.id ?? ""], "never");
      const refused = await going;
      const sent = await ask('tool: send_file {"path": "sea.png"}\ntool: send_file {"path": "sea.pdf"}');

      expect(first).toContain('heading "Rooms by the sea"');
      expect(first).toContain("Not loaded, since they are other sites: pictures.test.");
      expect(used).toContain('button "Booked for Ann of the hill"');
      expect(card?.words).toContain("elsewhere.test:443");
      // Whoever asks while the owner answers hears of the answer, and whoever asks a moment later of the rule it made.
      expect(refused).toMatch(
        /Bellhop did not let the browser through: .*(?:an owner has just said never|the rule "deny elsewhere\.test)/,
      );
      expect(refused).toContain("Rooms by the sea"); // the page that was there stays
      expect(await client.trust.approvals(true)).toHaveLength(1);
      expect(new Set(internet.asked)).toEqual(new Set(["inn.test"]));
      expect((await client.trust.taint(MAIN)).causes.map(({ cause }) => cause)).toContain(
        "an answer of inn.test:443",
      );
      const [picture, paper] = await bytesOf(sent);
      expect(picture?.subarray(1, 4).toString()).toBe("PNG");
      expect([picture?.readUInt32BE(16), picture?.readUInt32BE(20)]).toEqual([1_280, 800]);
      expect(paper?.subarray(0, 5).toString()).toBe("%PDF-");
    },
    MINUTES,
  );

  it(
    "is known to a site after its sandbox has ended, and in its own group alone",
    async () => {
      const { shell, endSandboxes } = await given();

      await shell("web:journey", "browser open https://inn.test/login");
      await endSandboxes();
      const who = ["browser open https://inn.test/who", "browser text"];
      const again = await shell("web:journey", ...who, "stat -c %a .browser .browser/state.json");
      const kids = await shell(KIDS, ...who, "ls -d /workspace/*/.browser");

      expect(again).toContain("You are Ann");
      expect(again).toMatch(/700\n600$/);
      expect(kids).toContain("You are a stranger");
      expect(kids).toMatch(/\n\/workspace\/group\/\.browser$/);
    },
    MINUTES,
  );
});
