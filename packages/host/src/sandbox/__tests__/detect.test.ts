import { ConfigError } from "@bellhop/sdk";
import { describe, expect, it } from "vitest";
import type { Probe } from "../../turns/sandbox.ts";
import { type Candidate, chooseRuntime, explainChoice, lookAtRuntimes } from "../detect.ts";
import { explained, howToInstall } from "../unfit.ts";

const works: Probe = { ok: true, version: "1", limits: "cgroup-v2" };
const missing: Probe = {
  ok: false,
  reason: "it is not installed",
  fix: "Install it with: apt-get install it",
};

function runtime(name: string, probe: Probe, onlyNamed = false): Candidate {
  const prepare = () => Promise.reject(new Error("not asked for here"));
  return { runtime: { name, probe: async () => probe, prepare }, onlyNamed };
}

describe("the choice of a runtime", () => {
  it("is the first that works", async () => {
    const chosen = await chooseRuntime("auto", [runtime("one", missing), runtime("two", works)]);

    expect(chosen.runtime.name).toBe("two");
    expect(chosen.probe).toEqual(works);
  });

  it("is the one that was named, also when another would work", async () => {
    const runtimes = [runtime("one", missing), runtime("two", works)];

    await expect(chooseRuntime("one", runtimes)).rejects.toThrow(/one: it is not installed. Install it with/);
  });

  it("is one that was named and may come up later: a service starts beside its engine", async () => {
    const notUp: Probe = { ok: false, reason: "it does not answer", fix: "Start it", mayPass: true };

    expect(await chooseRuntime("one", [runtime("one", notUp), runtime("two", works)])).toMatchObject({
      runtime: { name: "one" },
      probe: notUp,
    });
    expect((await chooseRuntime("auto", [runtime("one", notUp), runtime("two", works)])).runtime.name).toBe(
      "two",
    );
    await expect(chooseRuntime("auto", [runtime("one", notUp)])).rejects.toThrow(ConfigError);
  });

  it("is never one that has to be named, unless it is", async () => {
    const candidates = [runtime("unproved", works, true), runtime("two", works)];

    expect((await chooseRuntime("auto", candidates)).runtime.name).toBe("two");
    expect((await chooseRuntime("unproved", candidates)).runtime.name).toBe("unproved");
  });

  it("is explained by what was seen of each", async () => {
    const candidates = [runtime("one", missing), runtime("two", works), runtime("unproved", works, true)];
    const looked = await lookAtRuntimes("auto", candidates);

    expect(looked.map(({ probe }) => probe?.ok)).toEqual([false, true, undefined]);
    expect(explainChoice("auto", looked)).toBe("two, because one cannot be used");
    expect(explainChoice("two", looked)).toBe("two, because the configuration names it");
    expect(explainChoice("one", looked)).toBeUndefined();
  });

  it("is refused for a name that nobody knows, and where nothing works: there is no running without", async () => {
    await expect(chooseRuntime("none", [runtime("one", works)])).rejects.toThrow(/auto or: one/);
    await expect(chooseRuntime("auto", [runtime("one", missing)])).rejects.toThrow(ConfigError);
  });
});

describe("a machine that cannot make sandboxes", () => {
  it.each([
    [
      "bwrap: No permissions to create new namespace, likely because the kernel …",
      /unprivileged_userns_clone/,
    ],
    ["bwrap: setting up uid map: Permission denied", /apparmor_restrict_unprivileged_userns/],
    [
      "bwrap: Creating new namespace failed: nesting depth or max_*_namespaces exceeded (ENOSPC)",
      /max_user_namespaces/,
    ],
    ["bwrap: Can't mount proc on /newroot/proc: Operation not permitted", /systempaths=unconfined/],
    ["unshare: unshare failed: Operation not permitted", /ordinary user/],
    ["setpriv: setresuid failed: Invalid argument", /ordinary user/],
  ])("that said %j is told how to", (printed, fix) => {
    expect(explained(printed, 1).fix).toMatch(fix);
  });

  it("is told what it said when nobody knows what that means", () => {
    expect(explained("bwrap: hm\n", 1).message).toMatch(/code 1: bwrap: hm/);
  });

  it("without bubblewrap is told how to install it", async () => {
    expect(await howToInstall()).toMatch(/bubblewrap/);
  });
});
