import { describe, expect, it } from "vitest";
import { givenRoom } from "./a-room.ts";

describe("the plugins of a host", () => {
  it("answer hooks from processes of their own", async () => {
    const { room, plugin } = await givenRoom([
      {
        name: "shout",
        code: `{ hooks: { onInbound: (event) => ({ text: event.text.toUpperCase() }) } }`,
        manifest: { hooks: ["onInbound"] },
      },
    ]);
    await room.start(20_000);
    console.log(room.list());

    expect(await plugin("shout").hook("onInbound", { text: "hello" })).toEqual({ text: "HELLO" });
    await room.refresh();
    console.log(room.list());
  });
});
