import { TemporaryError } from "@bellhop/sdk";
import { describe, expect, it } from "vitest";
import { silentLog } from "../../log.ts";
import { type PreparedSandbox, type Probe, type SandboxRuntime, UnreadyError } from "../../turns/sandbox.ts";
import { watchRuntime } from "../watch.ts";
import { createRoom } from "./room.ts";

const works: Probe = { ok: true, version: "2", limits: "cgroup-v2" };

/** A runtime that does what it is told next. */
function given(first: Probe) {
  let fails: Error | undefined;
  const prepared: PreparedSandbox = {
    spawn: () => {
      throw new Error("not asked for here");
    },
    dispose: async () => undefined,
  };
  const runtime: SandboxRuntime = {
    name: "one",
    probe: async () => works,
    prepare: async () => {
      if (fails) throw fails;
      return prepared;
    },
  };
  const watch = watchRuntime({ runtime, probe: first }, silentLog);
  const told: string[] = [];
  watch.onDown((reason) => told.push(reason));
  const room = createRoom(() => undefined);
  const spec = room.spec("ours");
  room.remove();
  return {
    watch,
    told,
    async want(failure?: Error) {
      fails = failure;
      const [result] = await Promise.allSettled([watch.runtime.prepare(spec)]);
      expect(result.status === "rejected" ? result.reason : undefined).toBe(failure);
    },
  };
}

describe("a runtime that goes away", () => {
  it("is told of once, however many want it, and again when it goes away again", async () => {
    const { watch, told, want } = given(works);

    await want(new UnreadyError("gone"));
    await want(new UnreadyError("gone"));
    expect(told).toEqual(["gone"]);
    expect(watch.seen().version).toBe("not up (gone)");

    await want();
    await expect.poll(() => watch.seen()).toEqual(works);
    await want(new UnreadyError("gone once more"));
    expect(told).toEqual(["gone", "gone once more"]);
  });

  it("is told of at once when it was not there from the beginning", () => {
    const { told } = given({ ok: false, reason: "it does not answer", fix: "Start it", mayPass: true });

    expect(told).toEqual(["it does not answer. Start it"]);
  });

  it("is not meant by a failure of one sandbox", async () => {
    const { told, want } = given(works);

    await want(new TemporaryError("no room"));

    expect(told).toEqual([]);
  });
});
