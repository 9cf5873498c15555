import { describe, expect, it } from "vitest";
import { createLanes, type Lane } from "../lanes.ts";
import { fakeClock } from "../testing.ts";

/** Each service of a lane is noted, and lasts until the test ends it. */
function given() {
  const clock = fakeClock();
  const served: string[] = [];
  const failures: unknown[] = [];
  const open = new Map<string, PromiseWithResolvers<void> & { readonly lane: Lane }>();
  const lanes = createLanes<string>({
    serve(key, lane) {
      served.push(key);
      const service = { ...Promise.withResolvers<void>(), lane };
      open.set(key, service);
      return service.promise;
    },
    failed: (error) => void failures.push(error),
    clock,
  });

  function underWay(key: string) {
    const service = open.get(key);
    if (!service) throw new Error(`${key} is not being served`);
    return service;
  }

  async function ends(key: string, error?: Error): Promise<void> {
    const service = underWay(key);
    open.delete(key);
    if (error) service.reject(error);
    else service.resolve();
    await turns();
  }
  return { clock, lanes, served, failures, ends, laneOf: (key: string) => underWay(key).lane };
}

/** What follows a promise has happened. */
async function turns(): Promise<void> {
  for (let n = 0; n < 10; n += 1) await Promise.resolve();
}

describe("lanes", () => {
  it("are served side by side, each by one at a time", () => {
    const { lanes, served } = given();

    lanes.wake("a");
    lanes.wake("b");
    lanes.wake("a");

    expect(served).toEqual(["a", "b"]);
  });

  it("are served once more when they were woken meanwhile, however often", async () => {
    const { lanes, served, ends } = given();
    lanes.wake("a");
    lanes.wake("a");
    lanes.wake("a");

    await ends("a");
    expect(served).toEqual(["a", "a"]);
    await ends("a");

    expect(served).toEqual(["a", "a"]);
  });

  it("need not be served again for what they have looked at since", async () => {
    const { lanes, served, ends, laneOf } = given();
    lanes.wake("a");
    lanes.wake("a");
    const before = laneOf("a").wokenAgain;
    laneOf("a").looks();
    const after = laneOf("a").wokenAgain;

    await ends("a");

    expect([before, after]).toEqual([true, false]);
    expect(served).toEqual(["a"]);
  });

  it("are served again when they wanted to be, or as soon as they are woken, and not twice for both", async () => {
    const { clock, lanes, served, ends, laneOf } = given();
    lanes.wake("a");
    laneOf("a").again(1_000);
    await ends("a");
    clock.advance(999);
    expect(served).toEqual(["a"]);

    clock.advance(1);
    expect(served).toEqual(["a", "a"]);
    laneOf("a").again(1_000);
    await ends("a");
    lanes.wake("a");
    await ends("a");
    clock.advance(5_000);

    expect(served).toEqual(["a", "a", "a"]);
  });

  it("that fail are served again after a second, and hold up no other", async () => {
    const { clock, lanes, served, failures, ends } = given();
    lanes.wake("a");
    await ends("a", new Error("the disk is full"));

    lanes.wake("b");
    clock.advance(1_000);

    expect(failures).toEqual([new Error("the disk is full")]);
    expect(served).toEqual(["a", "b", "a"]);
  });

  it("are over once they are closed: what runs is waited for, and nothing begins", async () => {
    const { clock, lanes, served, ends, laneOf } = given();
    lanes.wake("a");
    lanes.wake("a");
    laneOf("a").again(10);
    let over = false;
    const closed = lanes.close().then(() => (over = true));
    await turns();
    expect(over).toBe(false);

    await ends("a");
    await closed;
    lanes.wake("b");
    clock.advance(60_000);

    expect(served).toEqual(["a"]);
  });

  it("do not wait for ever for one that does not end", async () => {
    const { clock, lanes } = given();
    lanes.wake("a");

    const closed = lanes.close();
    clock.advance(2_000);

    await expect(closed).resolves.toBeUndefined();
  });
});
