import { describe, expect, it } from "vitest";
import { ChatId } from "../src/core/ids.ts";
import { DeadLetterPage } from "../src/http/schemas.ts";
import { run } from "./command.ts";
import { givenHost } from "./journey.ts";

describe("a message that could not be answered", () => {
  it("is a dead letter until it is tried again or dropped, and its chat goes on", async () => {
    const { ask, home, client } = await givenHost({ config: "limits:\n  attempts: 2\n" });
    const dead = async (...words: string[]) => await run(["dead", ...words, "--home", home]);
    const listed = async () =>
      DeadLetterPage.parse(JSON.parse((await dead("list", "--json")).stdout)).letters;

    const failed = await ask("error: server x2\nsay: at last");
    expect(failed.state).toBe("failed");
    expect((await ask("say: still here")).answer).toBe("still here");

    const [letter] = await listed();
    expect(letter).toMatchObject({
      kind: "turn",
      chat: "web:journey",
      text: "error: server x2\nsay: at last",
      state: "failed",
    });
    const id = letter?.id ?? "";
    expect((await dead("show", id)).stdout).toContain("say: at last");
    expect((await run(["status", "--home", home])).stdout).toContain(`1 turn, 0 messages`);

    expect(await dead("retry", id)).toMatchObject({ code: 0, stdout: "It is tried again.\n" });
    const chat = async () => JSON.stringify(await client.history(ChatId.parse("web:journey"), { limit: 50 }));
    await expect.poll(chat, { timeout: 20_000 }).toContain("It works now");
    expect(await listed()).toEqual([]);
    expect((await client.status()).dead).toEqual({ turns: 0, newest: [] });
    expect(await dead("show", id)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("/api/v1/dead"),
    });
  }, 60_000);
});
