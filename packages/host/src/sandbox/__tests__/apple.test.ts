/**
 * Apple's `container` against a recording stand-in for its command line: what it is asked is as
 * documented. Whether a Mac then does it, nobody has seen yet, and the runtime says so.
 */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../core/clock.ts";
import { silentLog } from "../../log.ts";
import { UnreadyError } from "../../turns/sandbox.ts";
import { appleContainer } from "../container/apple.ts";
import { createContainers } from "../container/container.ts";
import { sandboxUid } from "../staging.ts";
import { createRoom, type Room } from "./room.ts";

/** Writes down each call, one JSON line, and answers as documented. `down` stops the service, `bare` has no image. */
const STAND_IN = `#!${process.execPath}
const { appendFileSync, existsSync } = require("node:fs");
const words = process.argv.slice(2);
const at = (name) => __dirname + "/" + name;
appendFileSync(at("calls"), JSON.stringify(words) + "\\n");
if (words[0] === "--version") console.log("container CLI version 0.6.0");
if (words[0] === "system" && existsSync(at("down"))) { console.error("apiserver is not running"); process.exit(1); }
if (words[0] === "image" && existsSync(at("bare"))) { console.error("image not found"); process.exit(1); }
if (words[0] === "list") console.log(existsSync(at("listed")) ? require("node:fs").readFileSync(at("listed"), "utf8") : "[]");
if (words[0] === "start") { process.stderr.write("it cannot run here\\n"); process.exit(3); }
`;

describe("apple-container", () => {
  let room: Room;
  let bin: string;
  beforeEach(() => {
    room = createRoom(sandboxUid);
    bin = mkdtempSync(join(tmpdir(), "bellhop-apple-"));
    writeFileSync(join(bin, "container"), STAND_IN);
    chmodSync(join(bin, "container"), 0o755);
  });
  afterEach(() => {
    room.remove();
    rmSync(bin, { recursive: true });
  });

  const create = (platform = "darwin") =>
    createContainers({
      dialect: appleContainer(platform),
      home: room.home,
      image: "bellhop-agent:latest",
      env: { PATH: `${bin}:/usr/bin:/bin` },
      clock: systemClock,
      log: silentLog,
    });
  const calls = (): string[][] =>
    readFileSync(join(bin, "calls"), "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));

  it("creates without a network, with mounts, user, limits and labels, and the door by exec", async () => {
    const spec = room.spec("ours");
    const prepared = await create().prepare(spec);

    const made = calls().find(([verb]) => verb === "create") ?? [];
    const following = (word: string) => made.flatMap((one, index) => (made[index - 1] === word ? [one] : []));
    expect(following("--network")).toEqual(["none"]);
    expect(following("--name")).toEqual([`bellhop-${spec.id}`]);
    expect(following("--memory")).toEqual(["512M"]);
    expect(following("--cpus")).toEqual(["1"]);
    expect(following("--label").map((label) => label.split("=")[0])).toEqual([
      "bellhop.home",
      "bellhop.sandbox",
      "bellhop.host",
    ]);
    expect(following("--mount")).toContain(`type=bind,source=${room.folder("ours")},target=/workspace/group`);
    expect(following("--tmpfs")).toEqual(["/tmp", "/home/agent", "/run/bellhop"]);
    expect(made.at(-1)).toBe("listen:/run/bellhop/line.sock");

    await prepared.dispose();
    expect(calls().at(-1)).toEqual(["delete", "--force", `bellhop-${spec.id}`]);
  });

  it("starts attached, and removes the container when it has ended", async () => {
    const spec = room.spec("ours");
    const prepared = await create().prepare(spec);

    const exit = await prepared.spawn({ argv: ["/bin/true"], env: {} }).exited;

    expect(exit).toMatchObject({ code: 3, cause: "exit" });
    expect(calls().slice(-2)).toEqual([
      ["start", "--attach", "--interactive", `bellhop-${spec.id}`],
      ["delete", "--force", `bellhop-${spec.id}`],
    ]);
  });

  it("removes what a host that is gone has left, and nobody else's", async () => {
    const one = (id: string, home: string, host: string) => ({
      configuration: { id, labels: { "bellhop.home": home, "bellhop.host": host } },
    });
    await create().prepare(room.spec("ours"));
    const home = calls()
      .find(([verb]) => verb === "create")
      ?.find((word) => word.startsWith("bellhop.home="))
      ?.slice("bellhop.home=".length);
    writeFileSync(
      join(bin, "listed"),
      JSON.stringify([one("left", home ?? "", "1.1"), one("other", "elsewhere", "1.1")]),
    );

    await create().prepare(room.spec("ours"));

    expect(calls()).toContainEqual(["delete", "--force", "left"]);
    expect(calls().flat()).not.toContain("other");
  });

  it.each(["down", "bare"])("is waited for when it is %s", async (state) => {
    writeFileSync(join(bin, state), "");

    await expect(create().prepare(room.spec("ours"))).rejects.toThrow(UnreadyError);
  });

  it("is for a Mac alone, and says when its program is missing", async () => {
    expect(await create("linux").probe()).toMatchObject({ ok: false, reason: "apple-container needs a Mac" });
    rmSync(join(bin, "container"));
    expect(await create().probe()).toMatchObject({ ok: false, reason: "container is not installed" });
  });
});
