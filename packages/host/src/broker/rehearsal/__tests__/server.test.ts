import { describe, expect, it, onTestFinished, vi } from "vitest";
import { z } from "zod";
import { systemClock } from "../../../core/clock.ts";
import { fakeClock } from "../../../core/testing.ts";
import { createRehearsalModel } from "../server.ts";

async function given(clock = systemClock) {
  const model = createRehearsalModel({ clock });
  const url = `http://127.0.0.1:${await model.listen(0)}`;
  onTestFinished(() => model.close());
  const ask = (content: string, more: object = {}, signal: AbortSignal | null = null) =>
    fetch(`${url}/v1/messages`, {
      method: "POST",
      signal,
      body: JSON.stringify({ model: "claude-sonnet-5-5", messages: [{ role: "user", content }], ...more }),
    });
  return { url, ask };
}

/** The events of a stream, parsed. */
function events(text: string): { type: string }[] {
  return text
    .trimEnd()
    .split("\n\n")
    .map((event) => {
      const [name, data] = event.split("\n");
      const parsed = JSON.parse(data?.replace(/^data: /, "") ?? "");
      expect(name).toBe(`event: ${parsed.type}`);
      return parsed;
    });
}

describe("the rehearsal model's server", () => {
  it("answers a message, with usage that is the same each time", async () => {
    const { ask } = await given();

    const [first, second] = await Promise.all([ask("say: hello"), ask("say: hello")]);

    const message = z
      .looseObject({ usage: z.object({ input_tokens: z.number() }).loose() })
      .parse(await first.json());
    expect(message).toMatchObject({
      type: "message",
      role: "assistant",
      model: "claude-sonnet-5-5",
      content: [{ type: "text", text: "hello" }],
      stop_reason: "end_turn",
    });
    expect(await second.json()).toMatchObject({ usage: message.usage });
    expect(message.usage.input_tokens).toBeGreaterThan(5);
    expect(first.headers.get("request-id")).toMatch(/^req_/);
  });

  it("streams a message as the API does", async () => {
    const { ask } = await given();

    const response = await ask("say: one\nsay: two", { stream: true });

    expect(response.headers.get("content-type")).toMatch(/^text\/event-stream/);
    expect(events(await response.text())).toMatchObject([
      { type: "message_start", message: { role: "assistant", content: [], stop_reason: null } },
      { type: "ping" },
      { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
      { type: "content_block_delta", delta: { type: "text_delta", text: "one" } },
      { type: "content_block_delta", delta: { type: "text_delta", text: "\ntwo" } },
      { type: "content_block_stop", index: 0 },
      { type: "message_delta", delta: { stop_reason: "end_turn" }, usage: { output_tokens: 2 } },
      { type: "message_stop" },
    ]);
  });

  it("calls a tool, streamed and not, each time with an id of its own", async () => {
    const { ask } = await given();
    const tools = [{ name: "Bash" }];

    const called = z.looseObject({ content: z.tuple([z.looseObject({ id: z.string() })]) });
    const whole = called.parse(await (await ask("run: ls", { tools })).json());
    const streamed = events(await (await ask("run: ls", { tools, stream: true })).text());

    expect(whole).toMatchObject({
      stop_reason: "tool_use",
      content: [{ name: "Bash", input: { command: "ls" } }],
    });
    const start = streamed.find(({ type }) => type === "content_block_start");
    expect(start).toMatchObject({ content_block: { type: "tool_use", name: "Bash", input: {} } });
    expect(JSON.stringify(start)).not.toContain(whole.content[0].id);
    const delta = streamed.find(({ type }) => type === "content_block_delta");
    expect(delta).toMatchObject({ delta: { partial_json: expect.stringContaining('"command":"ls"') } });
    expect(streamed.at(-2)).toMatchObject({ delta: { stop_reason: "tool_use" } });
  });

  it.each([
    ["rate_limit", 429, "rate_limit_error"],
    ["overloaded", 529, "overloaded_error"],
    ["auth", 401, "authentication_error"],
    ["server", 500, "api_error"],
    ["context", 400, "invalid_request_error"],
  ])("fails with error: %s as the API does", async (kind, status, type) => {
    const { ask } = await given();

    const response = await ask(`error: ${kind}`, { stream: true });

    expect(response.status).toBe(status);
    expect(response.headers.get("retry-after")).toBe(kind === "rate_limit" ? "1" : null);
    expect(await response.json()).toEqual({
      type: "error",
      error: { type, message: expect.any(String) },
      request_id: response.headers.get("request-id"),
    });
  });

  it("declines with error: refusal", async () => {
    const { ask } = await given();

    expect(await (await ask("error: refusal")).json()).toMatchObject({ stop_reason: "refusal", content: [] });
    expect(events(await (await ask("error: refusal", { stream: true })).text())).toContainEqual(
      expect.objectContaining({ delta: { stop_reason: "refusal", stop_sequence: null } }),
    );
  });

  it("works after it has failed as often as it was told, and then fails anew", async () => {
    const { ask } = await given();
    const statuses: number[] = [];

    for (let time = 0; time < 6; time++) statuses.push((await ask("error: server x2")).status);

    expect(statuses).toEqual([500, 500, 200, 500, 500, 200]);
  });

  it("waits and keeps time by its clock", async () => {
    const clock = fakeClock();
    const { ask } = await given(clock);

    const response = await ask("think: 5\nstream: 2 1000", { stream: true });
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    let seen = "";
    const until = async (text: string) => {
      while (!seen.includes(text)) seen += (await reader?.read())?.value ?? "";
    };
    await until("content_block_start");
    expect(seen).not.toContain("word1");
    clock.advance(5000);
    await until("word1");
    expect(seen).not.toContain("word2");
    clock.advance(1000);
    await until("message_stop");

    expect(seen).toContain("word2");
  });

  it("lets go of an answer when its caller goes away", async () => {
    const cancelled = vi.fn<() => void>();
    const { ask } = await given({ ...systemClock, after: () => cancelled });
    const leave = new AbortController();

    await ask("think: 3600", { stream: true }, leave.signal);
    leave.abort();

    await vi.waitFor(() => expect(cancelled).toHaveBeenCalledOnce(), { timeout: 10_000 });
  });

  it("counts tokens, lists models and answers the program's probes", async () => {
    const { url } = await given();
    const body = JSON.stringify({ model: "m", messages: [{ role: "user", content: "x".repeat(400) }] });

    const tokens = await (await fetch(`${url}/v1/messages/count_tokens`, { method: "POST", body })).json();
    const models = await (await fetch(`${url}/v1/models`)).json();

    expect(tokens).toEqual({ input_tokens: 110 });
    expect(models).toMatchObject({
      data: expect.arrayContaining([expect.objectContaining({ type: "model" })]),
    });
    expect(await (await fetch(`${url}/v1/models/any`)).json()).toMatchObject({ id: "any" });
    expect((await fetch(`${url}/`, { method: "HEAD" })).status).toBe(200);
    expect((await fetch(`${url}/api/hello`, { method: "HEAD" })).status).toBe(200);
  });

  it("says what is wrong with a request", async () => {
    const { url } = await given();
    const post = (body: string) => fetch(`${url}/v1/messages`, { method: "POST", body });

    const [notJson, noModel, nowhere] = await Promise.all([
      post("{"),
      post("{}"),
      fetch(`${url}/v1/nowhere`),
    ]);

    expect(notJson.status).toBe(400);
    expect(await notJson.json()).toMatchObject({
      error: { message: expect.stringMatching(/not valid JSON/) },
    });
    expect(noModel.status).toBe(400);
    expect(await noModel.json()).toMatchObject({ error: { message: expect.stringMatching(/model/) } });
    expect(nowhere.status).toBe(404);
  });
});
