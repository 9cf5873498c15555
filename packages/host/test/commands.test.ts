import { describe, expect, it } from "vitest";
import { setTimeout as sleep } from "node:timers/promises";
import type { ChatEvent } from "../src/core/events.ts";
import { fakePlatform } from "./fake-channel.ts";
import { givenHost, type Sent } from "./journey.ts";

const usesBash = (event: ChatEvent) => event.type === "activity" && event.tool === "Bash";
const ENDLESS = "run: tail -f /dev/null";

async function midTool(sent: Sent): Promise<Sent> {
  await sent.shows(usesBash);
  await sleep(300); // the tool has been announced; now it also runs
  return sent;
}

describe("/stop", () => {
  it("ends a tool that never would within 3 seconds, and the conversation goes on", async () => {
    const { ask, send } = await givenHost();
    expect((await ask("count:")).answer).toBe("1");
    const endless = await midTool(await send(ENDLESS));

    const before = performance.now();
    const [stop, told] = await Promise.all([ask("/stop"), endless.told]);
    const took = performance.now() - before;

    expect(told.state).toBe("cancelled");
    expect(stop.answer).toBe("Stopped.");
    expect(took).toBeLessThan(3_000);
    const { answer } = await ask("count:");
    expect(Number(answer)).toBeGreaterThan(1);
  });

  it("says that there is nothing to stop", async () => {
    const { ask } = await givenHost();
    await ask("say: hello");

    const { answer } = await ask("/stop");

    expect(answer).toBe("There is nothing to stop: I am not answering anything here.");
  });
});

describe("/new", () => {
  it("begins a conversation that knows nothing of the one before, in this chat alone", async () => {
    const { ask, restart } = await givenHost();
    await ask("say: one");
    await ask("say: one", "web:another");

    const { answer } = await ask("/new");

    expect(answer).toContain("This is a new conversation");
    expect((await ask("count:")).answer).toBe("1");
    expect((await ask("count:", "web:another")).answer).toBe("2");
    await restart();
    expect((await ask("count:")).answer).toBe("2");
  });

  it("stops what runs in the one before", async () => {
    const { ask, send } = await givenHost();
    const endless = await midTool(await send(ENDLESS));

    const [fresh, told] = await Promise.all([ask("/new"), endless.told]);

    expect(told.state).toBe("cancelled");
    expect(fresh.answer).toContain("I stopped the answer under way.");
    expect((await ask("count:")).answer).toBe("1");
  });
});

describe("/why", () => {
  it("tells what became of an answered message, and that a rehearsal costs nothing", async () => {
    const { ask } = await givenHost();
    await ask("say: hello");

    const { answer } = await ask("/why");

    expect(answer).toMatch(/^#1 from owner: say: hello$/m);
    expect(answer).toContain("Admitted: the owner wrote in a chat of their own.");
    expect(answer).toMatch(/^Turn [0-9a-f]{8}: done, 1 attempt, \d+ s, model sonnet\.$/m);
    expect(answer).toMatch(/tokens out\. It was the rehearsal model, so nothing was paid\.$/m);
    expect(answer).toMatch(/^Answer #2: sent, there known as \S+\.$/m);
    expect(answer).not.toContain("$");
  });

  it("tells why another one failed", async () => {
    const { ask } = await givenHost();
    expect((await ask("error: refusal")).state).toBe("failed");

    const { answer } = await ask("/why #1");

    expect(answer).toMatch(/^Turn [0-9a-f]{8}: failed, /m);
    expect(answer).toMatch(/^It failed: refused \(.+\)\.$/m);
    expect(answer).toMatch(/^Notice #2: sent/m);
  });
});

describe("a command of the engine's own", () => {
  it("goes to the engine once that has offered it, and is none before", async () => {
    const { ask } = await givenHost();
    expect((await ask("/compact")).answer).toMatch(/^There is no command \/compact;/);
    await ask("say: hello");

    expect((await ask("/compact")).state).toBe("done");

    expect((await ask("/why #5")).answer).toContain("Admitted: the engine has a command /compact.");
    expect(Number((await ask("count:")).answer)).toBe(1);
  });
});

describe("/queue and /model", () => {
  it("take effect, and outlive a restart", async () => {
    const { ask, send, restart } = await givenHost();

    expect((await ask("/queue")).answer).toMatch(/^steer:/);
    expect((await ask("/queue interrupt")).answer).toMatch(/^interrupt:/);
    expect((await ask("/model opus")).answer).toBe("From the next answer on the model is opus.");
    await restart();

    const endless = await midTool(await send(ENDLESS));
    const instead = await ask("say: this instead");

    expect((await endless.told).state).toBe("cancelled");
    expect(instead.answer).toBe("this instead");
    expect((await ask("/why")).answer).toContain("model opus.");
    expect((await ask("/model default")).answer).toBe("From the next answer on the model is sonnet.");
    expect((await ask("/status")).answer).toContain("What comes during an answer: interrupt.");
  });
});

describe("/pause and /resume", () => {
  it("hold everything but commands, and go on with what was held", async () => {
    const { ask, send } = await givenHost();
    await ask("say: warm up");

    expect((await ask("/pause a drill")).answer).toMatch(/^PAUSED\. 1 sandbox was ended\./);
    const held = await send("count:");
    const { answer } = await ask("/status");

    expect(answer).toMatch(/^PAUSED for \d+ s by owner \(a drill\)\. \/resume ends it\./);
    expect(answer).toContain("this chat: 1 message waits");
    expect((await ask("/resume")).answer).toMatch(/^Going on after \d+ s\./);
    expect((await held.told).answer).toBe("2");
  });
});

describe("a command on a platform", () => {
  it("asks who gives it, and its answer quotes it", async () => {
    const platform = fakePlatform();
    const chat = platform.group("family");
    await givenHost({
      channels: [platform.channel],
      config: [
        "owners: [fake:ada]",
        "groups:",
        "  family:",
        "    admins: [fake:ann]",
        "    chats: [fake:family]",
      ].join("\n"),
    });

    const asked = chat.says({ id: "bob", name: "Bob" }, "/queue queue");
    const refusal = await chat.shows(({ from }) => from === "us");
    chat.says({ id: "ann", name: "Ann" }, "/queue queue");
    const answer = await chat.shows(({ text }) => text.startsWith("queue:"));

    expect(refusal).toMatchObject({
      text: "Only an admin of this group or the owner may use /queue.",
      replyTo: asked,
    });
    expect(answer.text).toBe("queue: what comes during an answer waits for its end.");
  });
});
