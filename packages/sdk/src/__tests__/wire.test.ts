import { openTrickle } from "../../testing/fake/trickle.ts";
import { expect, it, onTestFinished } from "vitest";
import { download } from "../download.ts";
import { TemporaryError } from "../errors.ts";
import { createWire, WireError } from "../wire.ts";

const HEAD = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9000\r\n";

function given() {
  const wire = createWire();
  onTestFinished(() => wire.close());
  return wire;
}

it.each([
  ["the head of an answer", "HTTP/1.1 200 OK\r\nx: "],
  ["its body", `${HEAD}\r\n{"ok": `],
])("a call ends with its time where %s never ends, and may have been applied", async (_, said) => {
  await using server = await openTrickle(said);
  const call = async () => {
    const request = { method: "POST", body: "{}", signal: AbortSignal.timeout(300) };
    const answer = await given().fetch(`http://127.0.0.1:${server.port}/`, request);
    return await answer.json();
  };

  const error = await call().catch((one: unknown) => one);

  expect(error).toBeInstanceOf(WireError);
  expect(error).toMatchObject({ written: true });
});

it("a file that never ends is given up with its time, by whoever reads it", async () => {
  await using server = await openTrickle(`${HEAD}\r\nthe beginning`);
  const signal = AbortSignal.timeout(300);
  const read = async () => {
    const content = await download(given(), `http://127.0.0.1:${server.port}/`, { who: "Somebody", signal });
    for await (const _ of content);
  };

  await expect(read()).rejects.toThrow(TemporaryError);
});
