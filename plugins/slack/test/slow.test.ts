/** A Socket Mode that answers, and never comes to the point. */
import { openTrickle } from "@bellhop/sdk/testing";
import { expect, it } from "vitest";
import { openConnection } from "../src/socket.ts";

it.each([
  ["the answer to the first question", "HTTP/1.1 101 Switching Protocols\r\nx: "],
  [
    "a page in the place of that answer",
    "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 9000\r\n\r\n<p>",
  ],
])("is given up where %s never ends", async (_, said) => {
  await using server = await openTrickle(said);
  const parts = {
    url: `ws://127.0.0.1:${server.port}`,
    onEnvelope() {},
    pace: { helloMs: 300, silenceMs: 300 },
    log: { warn() {} },
  };

  const over = openConnection(parts, new AbortController().signal);

  await expect(over).rejects.toThrow(/Slack/);
});
