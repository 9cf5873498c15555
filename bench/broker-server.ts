/**
 * The scripted server of the broker's bench: answers each call of the Messages API with a short message, or with as
 * many events as the caller asks for, each with the time at which it is written. Ends with its parent.
 */
import { createServer, type ServerResponse } from "node:http";
import { z } from "zod";

const Address = z.object({ port: z.int() });
const USAGE = { input_tokens: 10, output_tokens: 5 };
const MESSAGE = JSON.stringify({
  id: "msg_1",
  type: "message",
  model: "claude-sonnet-5-5",
  stop_reason: "end_turn",
  content: [{ type: "text", text: "hello to you" }],
  usage: USAGE,
});

const frame = (type: string, more: object) =>
  `event: ${type}\ndata: ${JSON.stringify({ type, ...more })}\n\n`;

async function stream(response: ServerResponse, events: number, gapMs: number): Promise<void> {
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.write(frame("message_start", { message: { model: "claude-sonnet-5-5", usage: USAGE } }));
  for (let n = 0; n < events; n += 1) {
    await new Promise((resolve) => setTimeout(resolve, gapMs));
    const delta = { type: "text_delta", text: "some words of an answer" };
    response.write(frame("content_block_delta", { index: 0, delta, at: String(process.hrtime.bigint()) }));
  }
  response.end(
    frame("message_delta", { delta: { stop_reason: "end_turn" }, usage: USAGE }) + frame("message_stop", {}),
  );
}

const server = createServer({ noDelay: true, keepAliveTimeout: 0 }, (request, response) => {
  request.resume().once("end", () => {
    const events = Number(request.headers["x-events"] ?? 0);
    if (events > 0) void stream(response, events, Number(request.headers["x-gap"]));
    else response.writeHead(200, { "content-type": "application/json" }).end(MESSAGE);
  });
});
server.listen(0, "127.0.0.1", () => process.send?.({ port: Address.parse(server.address()).port }));
process.once("disconnect", () => process.exit());
