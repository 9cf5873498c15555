/** An approval and a host that is killed: it is neither lost nor used twice (design 4; G7, G11; F1). */
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { afterEach, expect, it } from "vitest";
import { createClient } from "../src/cli/client.ts";
import { homePaths } from "../src/config.ts";
import { systemClock } from "../src/core/clock.ts";
import type { Failpoint } from "../src/core/failpoint.ts";
import { ChatId } from "../src/core/ids.ts";
import { cleanUp, freshHome, start, startHost } from "./command.ts";

const HOST = fileURLToPath(new URL("../../../bench/fault/host.ts", import.meta.url));
const JOURNEY = ChatId.parse("web:journey");
const GARDEN = ChatId.parse("web:garden");
const SEND = `tool: send_message ${JSON.stringify({ text: "dinner at eight", chat: GARDEN })}`;
const PATIENCE = { timeout: 40_000, interval: 50 };

afterEach(cleanUp);

/** A home whose folder of `main` is tainted, and a chat to write to. */
async function givenHome() {
  const home = freshHome();
  const client = createClient({ home, socket: homePaths(home).socket, clock: systemClock });
  const first = await startHost(home);
  await client.bind(GARDEN, "main");
  await client.shutdown();
  await first.ended;
  const database = new DatabaseSync(homePaths(home).database);
  database.exec("UPDATE groups SET tainted = 1 WHERE folder = 'main'");
  database.close();

  /** The host of the fault suite, which dies where it is told to. */
  async function alive(arm?: { readonly place: Failpoint; readonly nth: number }) {
    const platform = "http://127.0.0.1:9"; // nobody is there
    const spec = { home, platform, ...(arm && { arm: { ...arm, action: "kill" } }) };
    const running = start([HOST, JSON.stringify(spec)], { program: process.execPath });
    await running.says(/^\{.*\}\n/m);
    return running;
  }

  return {
    client,
    alive,
    async asked(): Promise<string> {
      const waiting = async () => (await client.trust.approvals(false)).map(({ id }) => id);
      await expect.poll(waiting, PATIENCE).toHaveLength(1);
      return (await waiting())[0] ?? "";
    },
    async said(chat: ChatId): Promise<string[]> {
      const { events } = await client.history(chat, { limit: 100 });
      return events.flatMap((event) =>
        event.type === "message" && event.direction === "out" ? event.text : [],
      );
    },
  };
}

it(
  "is used once, by the attempt after the one that was killed while it used it",
  { timeout: 120_000 },
  async () => {
    const { client, alive, asked, said } = await givenHome();
    // The cards in the notices and in the chat are owed first, then that both are decided; the fifth is what was approved.
    const dying = await alive({ place: "outbox.owed", nth: 5 });
    await client.send(JOURNEY, { text: SEND, id: "the message" });
    const id = await asked();
    await client.trust.answer([id], "once").catch(() => undefined); // it dies of the answer
    expect((await dying.ended).signal).toBe("SIGKILL");

    await alive();

    await expect.poll(() => said(JOURNEY), PATIENCE).toContain("Handed over for delivery to web:garden.");
    expect(await said(GARDEN)).toEqual(["dinner at eight"]);
    expect(await client.trust.approvals(true)).toMatchObject([{ id, state: "used" }]);
    expect(await client.trust.auditVerify()).toMatchObject({ ok: true });
  },
);

it(
  "that was asked for by a host that was killed is answered to the next one",
  { timeout: 120_000 },
  async () => {
    const { client, alive, asked, said } = await givenHome();
    const dying = await alive();
    await client.send(JOURNEY, { text: SEND, id: "the message" });
    const id = await asked();
    dying.process.kill("SIGKILL");
    await dying.ended;

    await alive();
    const again = await asked();
    await client.trust.answer([again], "once");

    expect(again).toBe(id);
    await expect.poll(() => said(GARDEN), PATIENCE).toEqual(["dinner at eight"]);
    await expect.poll(() => said(JOURNEY), PATIENCE).toContain("Handed over for delivery to web:garden.");
    expect(
      (await said(ChatId.parse("web:notices"))).filter((text) => text.includes("wants to")),
    ).toHaveLength(1);
  },
);
