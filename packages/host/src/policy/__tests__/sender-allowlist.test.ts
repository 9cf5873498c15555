import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { systemClock } from "../../core/clock.ts";
import { ChatId, SenderId } from "../../core/ids.ts";
import { silentLog } from "../../log.ts";
import { openSenderAllowlist } from "../sender-allowlist.ts";

const said = {
  chat: ChatId.parse("fake:kitchen"),
  sender: SenderId.parse("fake:ben"),
  owner: false,
  self: false,
};
const NOBODY = { default: { allow: [], mode: "drop" } };
const EVERYBODY = { default: { allow: "*", mode: "trigger" } };

async function given(text?: string) {
  const root = await mkdtemp(join(tmpdir(), "bellhop-policy-"));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const directory = join(root, "config", "bellhop");
  const file = join(directory, "sender-allowlist.json");
  const heard: (readonly string[])[] = [];
  const watchers: (() => void)[] = [];
  const open = async () => {
    const allowlist = await openSenderAllowlist({
      directory,
      onProblems(problems) {
        heard.push(problems);
        for (const wake of watchers.splice(0)) wake();
      },
      clock: systemClock,
      log: { ...silentLog, info: () => watchers.splice(0).forEach((wake) => wake()) },
    });
    onTestFinished(allowlist.close);
    return allowlist;
  };
  let allowlist = await open();
  if (text !== undefined) {
    await allowlist.close();
    await writeFile(file, text);
    allowlist = await open();
  }
  return {
    allowlist,
    file,
    heard,
    /** Resolves once `look` holds: now, or after the file was read again. */
    async until(look: () => boolean): Promise<void> {
      while (!look()) await new Promise<void>((resolve) => watchers.push(resolve));
    },
    /** As an editor does it: a new file in the old one's place. */
    async replace(content: object | string): Promise<void> {
      await writeFile(`${file}.new`, typeof content === "string" ? content : JSON.stringify(content));
      await rename(`${file}.new`, file);
    },
  };
}

describe("sender-allowlist.json", () => {
  it("lets everyone speak while it is not there, and holds as soon as it is", async () => {
    const { allowlist, until, replace } = await given();
    const before = allowlist.mayCall(said);

    await replace(NOBODY);
    await until(() => !allowlist.mayCall(said).may);

    expect(before).toEqual({ may: true });
    expect(allowlist.mayCall(said)).toMatchObject({ mode: "drop" });
    expect(allowlist.problems()).toEqual([]);
  });

  it("changes when it is written in place, and ends when it is taken away", async () => {
    const { allowlist, file, until } = await given(JSON.stringify(NOBODY));

    await writeFile(file, JSON.stringify({ default: { allow: ["fake:ben"], mode: "drop" } }));
    await until(() => allowlist.mayCall(said).may);
    await writeFile(file, JSON.stringify(NOBODY));
    await until(() => !allowlist.mayCall(said).may);
    await rm(file);
    await until(() => allowlist.mayCall(said).may);

    expect(allowlist.problems()).toEqual([]);
  });

  it("stays as it was while the file is broken, says so, and says when it is whole again", async () => {
    const { allowlist, heard, until, replace } = await given(JSON.stringify(NOBODY));

    await replace("{ not json");
    await until(() => heard.length === 1);
    const meanwhile = allowlist.mayCall(said);
    await replace(EVERYBODY);
    await until(() => heard.length === 2);

    expect(meanwhile).toMatchObject({ may: false, mode: "drop" });
    expect(heard).toEqual([[expect.stringContaining("What it said before still holds")], []]);
    expect([allowlist.mayCall(said), allowlist.problems()]).toEqual([{ may: true }, []]);
  });

  it("lets only owners speak where it is broken from the start", async () => {
    const { allowlist, heard } = await given("nonsense");

    expect(allowlist.mayCall(said)).toMatchObject({ may: false, mode: "trigger" });
    expect(allowlist.mayCall({ ...said, owner: true })).toEqual({ may: true });
    expect(allowlist.problems()).toEqual([expect.stringContaining("only owners may speak")]);
    expect(heard).toHaveLength(1);
  });

  it("is not read when it is larger than anybody writes", async () => {
    const { allowlist } = await given(" ".repeat(2 * 1024 * 1024));

    expect(allowlist.problems()).toEqual([expect.stringContaining("2097152 bytes")]);
  });
});
