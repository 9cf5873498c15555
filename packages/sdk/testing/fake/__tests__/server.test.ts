import fc from "fast-check";
import { request } from "node:http";
import { buffer } from "node:stream/consumers";
import { describe, expect, it, onTestFinished } from "vitest";
import type { PeerFault } from "../../peer.ts";
import { createFeed } from "../feed.ts";
import { createRates } from "../rates.ts";
import { openFakeServer } from "../server.ts";

async function given({ now }: { now?: () => number } = {}) {
  const said: string[] = [];
  const server = await openFakeServer({
    callOf: ({ path }) => (path === "/send" ? "send" : undefined),
    handle({ body }) {
      said.push(body.toString());
      return { body: { ok: true, padding: "x".repeat(100) }, applied: true };
    },
    failure(failure) {
      switch (failure.how) {
        case "refuse":
          return { status: 400, body: {} };
        case "unauthorised":
          return { status: 401, body: {} };
        case "server error":
          return { status: failure.status, body: {} };
        case "slow down":
          return { status: 429, headers: { "retry-after": String(failure.retryAfterMs / 1000) }, body: {} };
        default:
          return failure satisfies never;
      }
    },
    ...(now && { now }),
  });
  onTestFinished(server.close);
  return { server, said, send: (text: string) => post(`${server.url}/send`, text) };
}

/** Node's own client, which neither retries nor hides how a connection ended. */
async function post(url: string, text: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const asked = request(url, { method: "POST", agent: false }, (response) => {
    buffer(response).then(
      () => resolve(String(response.statusCode)),
      (error: NodeJS.ErrnoException) => resolve(`${response.statusCode}, then ${error.code}`),
    );
  });
  asked.once("error", (error: NodeJS.ErrnoException) => resolve(String(error.code)));
  asked.once("timeout", () => reject(new Error("nothing came")));
  asked.end(text);
  return await promise;
}

describe("the server of a fake", () => {
  it.each<{ fault: PeerFault; gives: string; applied: number }>([
    { fault: { how: "refuse" }, gives: "400", applied: 0 },
    { fault: { how: "unauthorised" }, gives: "401", applied: 0 },
    { fault: { how: "server error", status: 503 }, gives: "503", applied: 0 },
    { fault: { how: "slow down", retryAfterMs: 1000 }, gives: "429", applied: 0 },
    { fault: { how: "unreachable" }, gives: "ECONNREFUSED", applied: 0 },
    { fault: { how: "drop after accept" }, gives: "ECONNRESET", applied: 1 },
    { fault: { how: "truncate" }, gives: "200, then ECONNRESET", applied: 1 },
    { fault: { how: "close mid-frame" }, gives: "200, then ECONNRESET", applied: 1 },
    { fault: { how: "delay", ms: 20 }, gives: "200", applied: 1 },
  ])("gives $gives for $fault.how, and works again once it is mended", async ({ fault, gives, applied }) => {
    const { server, said, send } = await given();
    expect(server.fault("send", fault)).toBe(true);

    const answer = await send("one");
    await server.mend();
    const after = await send("two");

    expect([answer, after]).toEqual([gives, "200"]);
    expect(server.journal.applied("send")).toBe(applied + 1);
    expect(said).toEqual([...(applied === 1 ? ["one"] : []), "two"]);
  });

  it("counts who comes before the time that was named, and takes them again after it", async () => {
    let now = 0;
    const { server, send } = await given({ now: () => now });
    server.fault("send", { how: "slow down", retryAfterMs: 1000 });

    const answers = [await send("one"), await send("early")];
    now = 1000;
    answers.push(await send("in time"));

    expect(answers).toEqual(["429", "429", "200"]);
    expect([server.journal.asked("send"), server.journal.applied("send"), server.journal.early()]).toEqual([
      3, 1, 1,
    ]);
  });

  it("uses a fault up by as many calls as it says", async () => {
    const { server, send } = await given();
    server.fault("send", { how: "refuse", calls: 2 });

    const answers = [await send("one"), await send("two"), await send("three")];

    expect(answers).toEqual(["400", "400", "200"]);
  });

  it("reads a form with a file in it", async () => {
    const form = new FormData();
    form.set("chat", "7");
    form.set("file", new Blob(["hello"], { type: "text/plain" }), "a.txt");
    const got = Promise.withResolvers<FormData>();
    const server = await openFakeServer({
      callOf: () => "file",
      async handle(request) {
        got.resolve(await request.form());
        return { body: {} };
      },
      failure: () => ({ body: {} }),
    });
    onTestFinished(server.close);

    await fetch(server.url, { method: "POST", body: form });

    const read = await got.promise;
    const file = read.get("file");
    expect(read.get("chat")).toBe("7");
    expect(file instanceof File && [file.name, await file.text()]).toEqual(["a.txt", "hello"]);
  });
});

describe("the feed of a fake", () => {
  it("hands out everything once from any position on, whatever was doubled or turned round", () => {
    const step = fc.oneof(
      fc.constant("push" as const),
      fc.constant("duplicate" as const),
      fc.constant("reorder" as const),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const feed = createFeed<number>();
        let pushed = 0;
        for (const one of steps) {
          if (one === "push") feed.push(++pushed);
          else feed.fault({ how: one });
        }

        const before = new Set(feed.from(1).map(({ value }) => value));
        feed.push(++pushed); // one that was held back comes with the next, at the latest with the one after
        feed.push(++pushed);
        const all = feed.from(1);

        expect(before.size).toBeGreaterThanOrEqual(pushed - 3);
        expect(new Set(all.map(({ value }) => value)).size).toBeGreaterThanOrEqual(pushed - 1);
        expect(all.map(({ position }) => position)).toEqual(
          all.map(({ position }) => position).toSorted((a, b) => a - b),
        );
      }),
    );
  });

  it("doubles the next one, and turns the next two round", () => {
    const feed = createFeed<string>();
    feed.fault({ how: "duplicate" });
    feed.push("a");
    feed.fault({ how: "reorder" });
    feed.push("b");
    feed.push("c");

    expect(feed.from(1).map(({ value }) => value)).toEqual(["a", "a", "c", "b"]);
    expect(feed.from(3).map(({ value }) => value)).toEqual(["b"]);
    expect(feed.confirmed).toBe(3);
  });
});

describe("the rates of a fake", () => {
  it("let no more pass than they say, in any span of time", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 60 }),
        fc.integer({ min: 1, max: 4 }),
        (gaps, calls) => {
          let now = 0;
          const rates = createRates(() => now);
          const passed: number[] = [];
          for (const gap of gaps) {
            now += gap;
            if (rates.take({ chat: { calls, perMs: 1000 } }) === undefined) passed.push(now);
          }

          for (const at of passed)
            expect(passed.filter((other) => other > at - 1000 && other <= at).length).toBeLessThanOrEqual(
              calls,
            );
        },
      ),
    );
  });

  it("say how long to wait, and take who has waited so long", () => {
    let now = 0;
    const rates = createRates(() => now);
    const take = () => rates.take({ chat: { calls: 1, perMs: 1000 }, account: { calls: 30, perMs: 1000 } });
    take();
    now = 300;

    const waitMs = take();
    now += waitMs ?? 0;

    expect([waitMs, take()]).toEqual([700, undefined]);
  });
});
