/** Plugins in the way of messages: what they change, hold and bring in, over a whole host. */
import type { Hooks, RouteRequest } from "@bellhop/sdk";
import { createHmac } from "node:crypto";
import { describe, expect, it } from "vitest";
import { type FakePlugin, fakePlugins } from "../src/plugins/powers/__tests__/fake-plugins.ts";
import { EventId } from "../src/core/events.ts";
import { ChatId } from "../src/core/ids.ts";
import { givenHost, type Journey } from "./journey.ts";

const KEY = "a-key-of-the-plugin's-own";
const CHAT = ChatId.parse("web:journey");

function sign(body: Uint8Array | string): string {
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

async function given(all: Readonly<Record<string, FakePlugin>>) {
  const plugins = fakePlugins(all);
  return { plugins, ...(await givenHost({ plugins })) };
}

describe("plugins in the way of messages", { timeout: 120_000 }, () => {
  it("change what the agent reads and what people see; /why tells, and they hear of turns and ends", async () => {
    const heard: string[] = [];
    const hooks: Hooks = {
      onStartup: () => void heard.push("startup"),
      onShutdown: () => void heard.push("shutdown"),
      onTurnStart: ({ chat }) => void heard.push(`start ${chat}`),
      onTurnEnd: ({ outcome }) => void heard.push(`end ${outcome}`),
      onInbound: ({ text }) => ({ text: text.replace("soup", "stew"), note: "stew is better" }),
      onOutbound: ({ text }) => ({ text: `${text}!` }),
    };
    const { ask, host } = await given({ cook: { hooks } });

    const { answer, frames } = await ask("say: soup");

    expect(answer).toBe("stew!");
    expect(frames.filter(({ type }) => type === "delta")).toEqual([]);
    const why = (await ask("/why")).answer;
    expect(why).toContain("The plugin cook changed what is read of it.");
    expect(why).toContain("What is read instead: say: stew");
    expect(why).toContain("The plugin cook changed it.");
    await host().stop();
    expect(heard).toEqual(["startup", `start ${CHAT}`, "end done", "shutdown"]);
  });

  it("hold a message over a restart of the host, and let it go", async () => {
    let held = "";
    const { send, restart, client, plugins } = await given({
      gate: {
        hooks: {
          onInbound({ id }) {
            held = id;
            return { hold: { forMs: 60 * 60_000, reason: "a person looks at it" } };
          },
        },
      },
    });
    await send("say: through");
    await expect.poll(() => held, { timeout: 30_000 }).not.toBe("");
    await expect
      .poll(() => plugins.asks("gate", "release", { id: crypto.randomUUID() }).catch(String))
      .toContain("holds no message");

    await restart();
    // What was on its way to be held may have to be asked anew.
    await expect
      .poll(() => plugins.asks("gate", "release", { id: held }).then(() => "let go", String), {
        timeout: 30_000,
      })
      .toBe("let go");

    expect(await shownIn(client, 1)).toEqual(["through"]);
  });

  it("bring in what a program elsewhere says, once they have found that it may", async () => {
    const plugins = fakePlugins({
      rain: {
        capabilities: ["events", "routes"],
        async route({ method, headers, body, path }: RouteRequest) {
          if (method !== "POST" || headers["x-signature"] !== sign(body)) return { status: 401 };
          const text = Buffer.from(body).toString();
          await plugins.asks("rain", "event", { id: path, chat: CHAT, text, wakes: true });
          return { status: 202, body: "taken" };
        },
      },
    });
    const { ask, client, host } = await givenHost({ plugins });
    await ask("say: here");
    const post = (path: string, signature: string) =>
      fetch(`${host().url}/plugins/rain${path}`, {
        method: "POST",
        headers: { "x-signature": signature },
        body: "say: it rains",
      });

    const forged = await post("/1", sign("say: the sun shines"));
    const [first, again] = [await post("/2", sign("say: it rains")), await post("/2", sign("say: it rains"))];

    expect([forged.status, first.status, again.status]).toEqual([401, 202, 202]);
    await expect(first.text()).resolves.toBe("taken");
    expect(await shownIn(client, 2)).toEqual(["here", "it rains"]);
    const { answer } = await ask("/why");
    expect(answer).toContain("from rain: say: it rains\nAdmitted: the plugin rain brought it in.");
  });
});
