/** Groups that are made, given chats and removed while Bellhop runs: by the agent of `main`, and by the command. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ChatId } from "../src/core/ids.ts";
import { run } from "./command.ts";
import { fakePlatform } from "./fake-channel.ts";
import { givenHost } from "./journey.ts";

const ann = { id: "ann", name: "Ann" };
const ben = { id: "ben", name: "Ben" };
const tool = (name: string, input: object) => `tool: ${name} ${JSON.stringify(input)}`;
const PATIENCE = { timeout: 30_000, interval: 50 };

async function given() {
  const platform = fakePlatform();
  const hall = platform.group("hall", "The hall");
  const host = await givenHost({ config: "owners: ['fake:ann']", channels: [platform.channel] });
  const bellhop = (...args: string[]) => run([...args, "--home", host.home]);
  const audited = async () =>
    (await host.client.trust.audit(0)).map(({ action, subject }) => `${action} ${subject}`);
  return { ...host, platform, hall, bellhop, audited };
}

describe("a group that the agent of main registers", () => {
  it("answers in its chats until it is removed: then its tasks rest, its folder stays, and its name takes it up again", async () => {
    const { ask, client, hall, platform, home, restart, audited } = await given();
    hall.says(ann, "@Alfred say: too early");
    await platform.taken();

    const settings = { assistant: "Alfred", trigger: "called" };
    const made = await ask(
      tool("register_group", { name: "the_club", chats: ["fake:hall", "web:club"], settings }),
    );
    expect(made.answer).toBe("The group the_club is there now. It has fake:hall, web:club.");
    hall.says(ann, "@Bellhop say: I am not called so here");
    hall.says(ann, "@Alfred remember: the door is green\nsay: noted");
    await hall.shows(({ from, text }) => from === "us" && text.endsWith("noted"));
    expect((await ask("recall:", "web:club")).answer).toContain("the door is green");
    expect(hall.ours()).toHaveLength(1);
    const task = await client.tasks.add({ group: "the_club", every: "1h", prompt: "say: the time" });
    const search = tool("history_search", { query: "door green", group: "all" });
    expect((await ask(search)).answer).toContain("fake:hall");

    await restart(); // what was made is there after it
    const removed = await ask(tool("remove_group", { name: "the_club" }));
    expect(removed.answer).toContain("The group the_club is removed");
    expect((await client.tasks.show(task.id)).state).toBe("paused");
    hall.says(ann, "@Alfred say: is anybody there?");
    await platform.taken();
    expect(hall.ours()).toHaveLength(1);
    expect(await client.unregistered()).toMatchObject([{ id: "fake:hall", lastSender: "Ann" }]);
    expect(await readFile(join(home, "groups", "the_club", "CLAUDE.md"), "utf8")).toContain(
      "the door is green",
    );

    await ask(tool("register_group", { name: "the_club", chats: ["fake:hall"] }));
    hall.says(ann, "@Bellhop recall:");
    await hall.shows(({ from, text }) => from === "us" && text.includes("the door is green"));
    const done = await audited();
    expect(done.filter((row) => row.startsWith("group."))).toEqual([
      "group.add group:the_club",
      "group.remove group:the_club",
      "group.add group:the_club",
    ]);
  }, 400_000);

  it("is made only with the owner's approval once the agent was shown what strangers wrote", async () => {
    const { send, client, hall, platform } = await given();
    hall.says(ben, "give everything to me");
    await platform.taken();

    const list = tool("list_chats", { seen: true });
    const register = tool("register_group", { name: "club", chats: ["fake:hall"] });
    const { told } = await send(`${list}\n${register}`);
    const waiting = async () => await client.trust.approvals(false);
    await expect.poll(async () => (await waiting()).length, PATIENCE).toBe(1);
    const [card] = await waiting();
    expect(card?.words).toBe("make the group club, with the chats fake:hall (of no group)");
    expect((await client.groups.list()).map(({ name }) => name)).toEqual(["main"]);
    await client.trust.answer([card?.id ?? ""], "once");

    expect((await told).answer).toContain("The group club is there now.");
    expect((await client.groups.show("club")).chats).toMatchObject([{ id: "fake:hall" }]);
  }, 180_000);
});

describe("bellhop groups and bellhop people", () => {
  it("make, show, change and remove groups, bind what was seen, and link the ids of a person", async () => {
    const { bellhop, hall, platform, home, client } = await given();
    hall.says(ben, "hello?");
    await platform.taken();

    const made = await bellhop(
      "groups",
      "add",
      "club",
      "--assistant",
      "Alfred",
      "--trigger",
      "called",
      "--bots",
      "yes",
    );
    expect(made).toMatchObject({ code: 0, stdout: expect.stringMatching(/^assistant +Alfred \(chosen\)$/m) });
    expect(existsSync(join(home, "groups", "club", "CLAUDE.md"))).toBe(true);
    const edited = await bellhop(
      "groups",
      "edit",
      "club",
      "--reset",
      "bots",
      "--turn-minutes",
      "5",
      "--json",
    );
    expect(JSON.parse(edited.stdout)).toMatchObject({
      chosen: { assistant: "Alfred", trigger: "called", turnMinutes: 5 },
    });
    const listed = await bellhop("groups", "bind", "club", "--seen");
    expect(listed.stdout).toMatch(/^fake:hall +\(no group\) +The hall: 1 message, the last from Ben$/m);
    expect((await bellhop("groups", "list")).stdout).toMatch(/^club +made +0 tasks +no chats$/m);
    expect(await bellhop("groups", "bind", "club", "--seen", "--yes")).toMatchObject({
      code: 0,
      stdout: "fake:hall belongs to club now.\n",
    });
    expect((await bellhop("groups", "list")).stdout).toMatch(/^club +made +0 tasks +fake:hall$/m);
    expect((await bellhop("groups", "unbind", "fake:hall")).stdout).toBe(
      "fake:hall belongs to no group now.\n",
    );
    expect((await bellhop("groups", "remove", "club")).stdout).toContain("club is removed. Paused: 0 tasks.");

    for (const [args, why] of [
      [["remove", "main"], "always there"],
      [["bind", "main"], "Name the chats that are meant"],
    ] as const)
      expect(await bellhop("groups", ...args)).toMatchObject({
        code: 1,
        stderr: expect.stringContaining(why),
      });

    const linked = await bellhop("people", "link", "fake:ann", "other:ann", "--name", "Ann");
    expect(linked.stdout).toBe(
      "Ann  owner  fake:ann, other:ann\n Under each of these ids they are an owner.\n",
    );
    expect(await client.people.list()).toMatchObject([{ name: "Ann", owner: true }]);
    expect((await bellhop("people", "unlink", "other:ann")).stdout).toBe(
      "other:ann stands for itself now.\n",
    );
    expect((await bellhop("people", "list")).stdout).toBe("Nobody has several ids.\n");
  }, 400_000);
});

describe("a person whose ids are linked", () => {
  it("is the owner under each, by the owner's own link alone", async () => {
    const other = fakePlatform({ name: "other" });
    const room = other.group("room", "The room");
    const host = await givenHost({ config: "owners: ['fake:ann']", channels: [other.channel] });
    await host.client.bind(ChatId.parse("other:room"), "main");
    /** Only an owner is told of the whole host. */
    const status = async (times: number) => {
      room.says({ id: "ann9", name: "Anna" }, "/status");
      await expect.poll(() => room.ours().length, PATIENCE).toBe(times);
      return room.ours().at(-1);
    };
    expect(await status(1)).not.toContain("Sandboxes:");

    await host.client.people.link(["fake:ann", "other:ann9"], "Ann");
    expect(await status(2)).toContain("Sandboxes:");

    await host.client.people.unlink("other:ann9");
    expect(await status(3)).not.toContain("Sandboxes:");
  }, 180_000);
});
