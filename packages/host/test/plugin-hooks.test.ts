/** Plugins in the way of messages: what they change, hold and bring in, each in a process of its own. */
import { createHmac } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { homePaths } from "../src/config.ts";
import { EventId } from "../src/core/events.ts";
import { ChatId } from "../src/core/ids.ts";
import { editInstalled } from "../src/plugins/installed.ts";
import { installedOf, type Written, writePlugin } from "../src/plugins/__tests__/a-room.ts";
import { givenHost, type Journey } from "./journey.ts";

const KEY = "a-key-of-the-plugin's-own";
const CHAT = ChatId.parse("web:journey");
const PATIENT = { timeout: 30_000 };

function sign(body: string): string {
  return createHmac("sha256", KEY).update(body).digest("hex");
}

/** What people in the chat have been shown, once it is so much. */
async function shownIn(client: Journey["client"], count: number): Promise<string[]> {
  const shown: string[] = [];
  const over = new AbortController();
  for await (const event of client.events(CHAT, { after: EventId.parse(0), signal: over.signal })) {
    if (event.type === "message" && event.direction === "out") shown.push(event.text);
    if (shown.length === count) break;
  }
  over.abort();
  return shown;
}

async function given(plugin: Written) {
  const journey = await givenHost();
  const paths = homePaths(journey.home);
  await writePlugin(join(paths.plugins, plugin.name), plugin);
  await editInstalled(paths, (all) => ({ ...all, [plugin.name]: installedOf(plugin) }));
  const up = async () =>
    await expect
      .poll(
        async () =>
          (await journey.client.status()).plugins.list.find(({ name }) => name === plugin.name)?.state,
        PATIENT,
      )
      .toBe("running");
  await up();
  return {
    ...journey,
    up,
    /** What it has written down. */
    heard: async () =>
      (await readFile(join(paths.pluginsData, plugin.name, "heard"), "utf8").catch(() => ""))
        .split("\n")
        .slice(0, -1),
  };
}

const HEARS = `import { appendFileSync } from "node:fs";
import { createHmac } from "node:crypto";
const hear = (context, line) => appendFileSync(context.folder + "/heard", line + "\\n");`;

describe("plugins in the way of messages", { timeout: 120_000 }, () => {
  it("change what the agent reads and what people see; /why tells, and they hear of turns and ends", async () => {
    const { ask, host, heard } = await given({
      name: "cook",
      manifest: {
        hooks: ["onStartup", "onShutdown", "onTurnStart", "onTurnEnd", "onInbound", "onOutbound"],
      },
      before: HEARS,
      code: `{ hooks: {
        onStartup: () => hear(context, "startup"),
        onShutdown: () => hear(context, "shutdown"),
        onTurnStart: ({ chat }) => hear(context, "start " + chat),
        onTurnEnd: ({ outcome }) => hear(context, "end " + outcome),
        onInbound: ({ text }) => ({ text: text.replace("soup", "stew"), note: "stew is better" }),
        onOutbound: ({ text }) => ({ text: text + "!" }),
      } }`,
    });

    const { answer, frames } = await ask("say: soup");

    expect(answer).toBe("stew!");
    expect(frames.filter(({ type }) => type === "delta")).toEqual([]);
    const why = (await ask("/why")).answer;
    expect(why).toContain("The plugin cook changed what is read of it.");
    expect(why).toContain("What is read instead: say: stew");
    expect(why).toContain("The plugin cook changed it.");
    await host().stop();
    expect(await heard()).toEqual(["startup", `start ${CHAT}`, "end done", "shutdown"]);
  });

  it("hold a message over a restart of the host, and let it go", async () => {
    const { send, restart, client, heard, up, host } = await given({
      name: "gate",
      manifest: { hooks: ["onInbound"], capabilities: ["routes"] },
      before: HEARS,
      code: `{
        hooks: { onInbound({ id }) {
          hear(context, id);
          return { hold: { forMs: 3600000, reason: "a person looks at it" } };
        } },
        routes: async ({ path }) => {
          const refused = await context.host.release(path.slice(1), { note: "looked at" }).then(() => "", String);
          return { status: refused ? 409 : 200, body: refused };
        },
      }`,
    });
    await send("say: through");
    await expect
      .poll(async () => (await client.status()).waiting, PATIENT)
      .toEqual([{ chat: CHAT, messages: 1, why: "held by a plugin" }]);
    const [id = ""] = await heard();

    await restart();
    await up();
    const release = async (which: string) => await fetch(`${host().url}/plugins/gate/${which}`);
    expect((await release(crypto.randomUUID())).status).toBe(409);
    expect((await release(id)).status).toBe(200);

    expect(await shownIn(client, 1)).toEqual(["through"]);
    expect(await heard()).toEqual([id]);
  });

  it("bring in what a program elsewhere says, once they have found that it may", async () => {
    const { ask, client, host } = await given({
      name: "rain",
      manifest: { capabilities: ["events", "routes", "state"] },
      before: HEARS,
      code: `{ routes: async ({ method, headers, body, path }) => {
        const signature = createHmac("sha256", ${JSON.stringify(KEY)}).update(body).digest("hex");
        if (method !== "POST" || headers["x-signature"] !== signature) return { status: 401 };
        await context.state.set("seen", ((await context.state.get("seen")) ?? 0) + 1);
        await context.host.event({ id: path, chat: "${CHAT}", text: new TextDecoder().decode(body), wakes: true });
        return { status: 202, body: String(await context.state.get("seen")) };
      } }`,
    });
    await ask("say: here");
    const post = (path: string, signature: string) =>
      fetch(`${host().url}/plugins/rain${path}`, {
        method: "POST",
        headers: { "x-signature": signature },
        body: "say: it rains",
      });

    const forged = await post("/1", sign("say: the sun shines"));
    const first = await post("/2", sign("say: it rains"));
    const again = await post("/2", sign("say: it rains"));

    expect([forged.status, first.status, again.status]).toEqual([401, 202, 202]);
    expect([await first.text(), await again.text()]).toEqual(["1", "2"]);
    expect(await shownIn(client, 2)).toEqual(["here", "it rains"]);
    const { answer } = await ask("/why");
    expect(answer).toContain("from rain: say: it rains\nAdmitted: the plugin rain brought it in.");
  });
});
