import { describe, expect, it } from "vitest";
import { GroupFolder, MAIN } from "../../core/ids.ts";
import { openGroupSettings } from "../group-settings.ts";
import { house } from "./house.ts";

describe("what people chose for a group", () => {
  it("holds for that group, from then on and after a restart, until it is taken back", async () => {
    const { db } = await house();
    const settings = await openGroupSettings(db);
    const family = GroupFolder.parse("family");

    await settings.choose(family, { queue: "interrupt" });
    await settings.choose(family, { model: "opus" });

    expect(settings.of(family)).toEqual({ queue: "interrupt", model: "opus" });
    expect(settings.of(MAIN)).toEqual({});
    expect((await openGroupSettings(db)).of(family)).toEqual({ queue: "interrupt", model: "opus" });

    await settings.choose(family, { queue: null });
    expect(settings.of(family)).toEqual({ model: "opus" });
  });

  it("is nothing in a group that was made later, and can be chosen there", async () => {
    const { db, chats } = await house();
    const settings = await openGroupSettings(db);
    const late = GroupFolder.parse("late");
    await chats.ensureGroup(late);

    expect(settings.of(late)).toEqual({});
    await settings.choose(late, { model: "opus" });
    expect(settings.of(late)).toEqual({ model: "opus" });
  });
});
