import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { givenRoom } from "./a-room.ts";

/** Answers with all that it could get hold of. */
const CURIOUS = `{
  hooks: {
    async onInbound(event) {
      const read = (path) => { try { return readFileSync(path, "utf8") } catch (error) { return "no: " + error.code } };
      const list = (path) => { try { return readdirSync(path) } catch { return [] } };
      const pids = list("/proc").filter((name) => /^[0-9]+$/.test(name));
      return {
        environment: { ...process.env },
        given: context.environment,
        own: read("/proc/self/environ"),
        all: pids.map((pid) => read("/proc/" + pid + "/environ") + read("/proc/" + pid + "/cmdline")).join("\\n"),
        pids: pids.length,
        files: event.files.map(read),
        folders: event.folders.map(list),
        written: event.write.map((path) => { try { writeFileSync(path, "x"); return true } catch { return false } }),
        capabilities: /^CapEff:\\s*(.*)$/m.exec(read("/proc/self/status"))[1],
        noNewPrivileges: /^NoNewPrivs:\\s*(.*)$/m.exec(read("/proc/self/status"))[1],
      };
    },
  },
}`;

const hasBubblewrap = (() => {
  try {
    execFileSync("bwrap", ["--version"]);
    return true;
  } catch {
    return false;
  }
})();

describe("a plugin's process", () => {
  it.skipIf(!hasBubblewrap && process.env["BELLHOP_CI"] !== "1")(
    "reads no variable that it did not declare, by no route, and nothing of the home",
    async () => {
      const { room, plugin, paths, folder, housing, secrets } = await givenRoom(
        [
          {
            name: "curious",
            before: `import { readdirSync, readFileSync, writeFileSync } from "node:fs";`,
            code: CURIOUS,
            manifest: {
              hooks: ["onInbound"],
              environment: [
                { name: "DECLARED", description: "of the environment" },
                { name: "IN_ENV", description: "of .env", secret: false },
                { name: "WITHOUT_VALUE", description: "of nowhere" },
              ],
            },
          },
          { name: "other", manifest: {} },
        ],
        { environment: { DECLARED: "declared-value", HIDDEN: "hidden-value" } },
      );
      writeFileSync(paths.env, "IN_ENV=env-value\nOTHER=other-value\n");
      writeFileSync(paths.database, "database-value");
      await room.start(20_000);

      const data = join(paths.pluginsData, "curious");
      const seen = await plugin("curious").hook("onInbound", {
        files: [
          paths.env,
          paths.database,
          join(paths.plugins, "other", "plugin.json"),
          join(paths.plugins, "installed.json"),
          `/proc/${process.pid}/environ`,
        ],
        folders: [paths.home, paths.plugins, join(folder, "policies")],
        write: [
          join(data, "mine"),
          join(paths.plugins, "curious", "mine"),
          "/etc/mine",
          "/proc/sys/vm/swappiness",
        ],
      });

      expect(seen).toMatchObject({
        given: { DECLARED: "declared-value", IN_ENV: "env-value" },
        environment: { DECLARED: "declared-value", IN_ENV: "env-value" },
        files: ["no: ENOENT", "no: ENOENT", "no: ENOENT", "no: ENOENT", expect.stringMatching(/^no: /)],
        folders: [["plugins", "plugins-data"], ["curious"], []],
        written: [true, false, false, false],
        capabilities: "0000000000000000",
        noNewPrivileges: "1",
      });
      const text = JSON.stringify(seen);
      expect(text).not.toMatch(/hidden-value|other-value|database-value/);
      // Nothing of this process, which is the host here, either.
      const ours = readFileSync("/proc/self/environ", "utf8")
        .split("\0")
        .filter((one) => !/^(PATH|HOME|TMPDIR|TZ|PWD|SHLVL|_)=/.test(one) && one.length > 12);
      expect(ours.length).toBeGreaterThan(0);
      expect(ours.filter((one) => text.includes(JSON.stringify(one).slice(1, -1)))).toEqual([]);
      expect(housing.described).toContain("each in namespaces of its own");
      expect(secrets).toEqual([
        { name: "DECLARED", value: "declared-value", public: false },
        { name: "IN_ENV", value: "env-value", public: true },
      ]);
    },
  );

  it("has a clean environment where there are no namespaces, and it is said what that means", async () => {
    const { room, plugin, housing } = await givenRoom(
      [
        {
          name: "plain",
          code: `{ hooks: { onInbound: () => Object.keys(process.env).toSorted() } }`,
          manifest: { hooks: ["onInbound"], environment: [{ name: "DECLARED", description: "of it" }] },
        },
      ],
      { plain: true, environment: { DECLARED: "value", OTHER: "value" } },
    );
    await room.start(20_000);

    expect(await plugin("plain").hook("onInbound", null)).toEqual([
      "DECLARED",
      "HOME",
      "PATH",
      "TMPDIR",
      "TZ",
    ]);
    expect(housing.described).toMatch(/^NOT in namespaces/);
  });

  it("keeps its data over an update", async () => {
    const keeps = (version: string) => ({
      name: "keeps",
      before: `import { appendFileSync, readFileSync } from "node:fs";`,
      code: `(appendFileSync(context.folder + "/log", "${version} "), { hooks: { onInbound: () => readFileSync(context.folder + "/log", "utf8") } })`,
      manifest: { hooks: ["onInbound"], version },
      installed: { version },
    });
    const { room, plugin, write, until, running } = await givenRoom([keeps("1.0.0")]);
    await room.start(20_000);

    await write(keeps("1.1.0"));
    await until("keeps", (one) => one?.version === "1.1.0");
    await running("keeps");

    expect(await plugin("keeps").hook("onInbound", null)).toBe("1.0.0 1.1.0 ");
  });
});
