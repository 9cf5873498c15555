import { RejectedError, StaleError } from "@bellhop/sdk";
import { connect } from "node:net";
import { buffer } from "node:stream/consumers";
import { Readable } from "node:stream";
import { describe, expect, it, onTestFinished } from "vitest";
import { newId, TurnId } from "../../core/ids.ts";
import { given } from "./given.ts";

/** As forwarder.mjs does inside: waits at the door, and collects what the host wants. */
function waiter(socket: string) {
  const door = connect({ path: socket });
  onTestFinished(() => void door.destroy());
  let text = "";
  door.setEncoding("utf8").on("data", (piece: string) => (text += piece));
  door.write("GET /bellhop/wanted HTTP/1.0\r\n\r\n");
  return {
    answered: async () => await expect.poll(() => text).toContain("\r\n\r\n"),
    status: () => text.split("\r\n")[0],
    async wanted(): Promise<{ id: string; path: string }> {
      const latest = () => text.split("\n").findLast((one) => one.startsWith("{"));
      await expect.poll(latest).toBeDefined();
      const { id, path }: { id: string; path: string } = JSON.parse(latest() ?? "");
      return { id, path };
    },
  };
}

const all = (source: AsyncIterable<unknown>) => buffer(Readable.from(source));

async function waited(options?: Parameters<typeof given>[1]) {
  const house = await given((_request, response) => response.end("{}"), options);
  const inside = waiter(house.socket);
  await inside.answered();
  return {
    ...house,
    inside,
    push: (id: string, body: Buffer | string, query = "") =>
      house.call({ method: "PUT", path: `/bellhop/files/${id}${query}`, body }),
  };
}

describe("a file that the host wants from a sandbox", () => {
  it("comes up through the door, byte for byte", async () => {
    const { door, inside, push } = await waited();
    const content = Buffer.from(Array.from({ length: 300_000 }, (_, n) => n % 251));

    const pulled = door.pull("/tmp/a b", all);
    const { id, path } = await inside.wanted();
    const { status } = await push(id, content);

    expect(path).toBe("/tmp/a b");
    expect(await pulled).toEqual(content);
    expect(status).toBe(204);
  });

  it("is taken once, under its own id, and nothing else is", async () => {
    const { door, inside, push } = await waited();
    expect((await push(crypto.randomUUID(), "unasked")).status).toBe(403);

    const pulled = door.pull("a", all);
    const { id } = await inside.wanted();
    await push(id, "first");
    await pulled;

    expect((await push(id, "second")).status).toBe(403);
  });

  it.each([
    ["ENOENT", 'there is no file "x"'],
    ["EISDIR", "is a folder"],
    ["EACCES", "may not be read"],
    ["EINVAL", "cannot be read as a plain file (EINVAL)"],
  ])("is refused in words when it cannot be read there (%s)", async (code, words) => {
    const { door, inside, push } = await waited();

    const pulled = door.pull("x", all);
    pulled.catch(() => undefined);
    await push((await inside.wanted()).id, "", `?problem=${code}`);

    await expect(pulled).rejects.toThrow(words);
    await expect(pulled).rejects.toThrow(RejectedError);
  });

  it("is what its taker says: too much is cut off at once", async () => {
    const { door, inside, push } = await waited();

    const pulled = door.pull("x", async (source) => {
      for await (const piece of source) if (piece) throw new RejectedError("too large");
    });
    pulled.catch(() => undefined);
    await push((await inside.wanted()).id, Buffer.alloc(5_000_000)).catch(() => undefined);

    await expect(pulled).rejects.toThrow("too large");
  });

  it("ends with the turn that wanted it, in the middle of its bytes too", async () => {
    const { door, inside, socket } = await waited();
    const pulled = door.pull("x", all);
    pulled.catch(() => undefined);
    const { id } = await inside.wanted();
    const slow = connect({ path: socket });
    slow.resume().on("error", () => undefined);
    slow.write(`PUT /bellhop/files/${id} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf`);
    await expect.poll(() => slow.bytesWritten).toBeGreaterThan(0);

    door.setTurn(newId(TurnId));

    await expect(pulled).rejects.toThrow(StaleError);
    await expect.poll(() => slow.destroyed).toBe(true);
  });

  it("is not to be had without a turn, nor where nobody waits inside", async () => {
    const idle = await waited({ live: false });
    await expect(idle.door.pull("x", all)).rejects.toThrow(StaleError);

    const empty = await given((_request, response) => response.end("{}"));
    await expect(empty.door.pull("x", all)).rejects.toThrow("does not hand out files just now");
  });

  it("is asked of the first that waited; a second one is sent away", async () => {
    const { socket } = await waited();

    const second = waiter(socket);
    await second.answered();

    expect(second.status()).toContain("403");
  });
});
