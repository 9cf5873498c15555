import { describe, expect, it } from "vitest";
import { setBack } from "../set-back.ts";
import { house, message } from "./house.ts";

const HOUR = 60 * 60_000;

describe("a clock that is set back", () => {
  it("takes what is due back with it, so that nothing waits longer than it should", async () => {
    const { inbox, turns, outbox, db, clock, claimed } = await house();
    const { session } = await inbox.accept(message("hello"));
    const claim = await claimed(session);
    const at = clock.now() + 2 * HOUR + 1_000;
    await turns.retry(claim, {
      class: "transient",
      detail: "…",
      at,
      charged: true,
      outbound: [{ key: "a", kind: "notice", text: "later" }],
    });

    await setBack(db, 2 * HOUR);

    expect(await turns.due()).toMatchObject([{ at: at - 2 * HOUR }]);
    expect(await outbox.claim(claim.chat.id)).toHaveProperty("row");
  });
});
