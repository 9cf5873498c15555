/** What becomes of a button of an approval's card, once somebody has pressed it. */
import { deepStrictEqual, equal } from "node:assert/strict";
import type { PeerChat, PeerMessage } from "../peer.ts";
import { fail, type Lack, needsListen, without } from "./check.ts";
import { type ContractHost, GUEST, type HostCheck, OWNER } from "./hosted.ts";
import { texts } from "./sending.ts";

/** Of its card, those that refuse and those that allow stand side by side. */
const hasTwoButtons: Lack = ({ abilities }, peer) => {
  if ((abilities.buttons?.most ?? 0) < 2) return "it has no two buttons";
  if (!peer.group) return "it has no chats of several people, where others could press one";
  return peer.group("Buttons").presses ? undefined : "its peer cannot press one";
};

/** What the agent wants to reach, and may not before its owner has said so. Resolves with the card, in the group. */
async function asksLeave(
  { direct, group, shows }: ContractHost,
  site: string,
): Promise<{ readonly card: PeerMessage; press(person: typeof OWNER): Promise<void> }> {
  const script = `fetch("http://${site}/").catch(() => "not reached").then(() => console.log("that", "is over"))`;
  await direct.says(OWNER, `run: node -e '${script}'`);
  const card = await shows(
    group,
    "what the owner is asked",
    ({ text, buttons = [] }) => text.includes(site) && buttons.length > 0,
  );
  const refuse = card.buttons?.find(({ label }) => label === "Refuse") ?? fail("no button refuses");
  return {
    card,
    press: async (person) => await group.presses?.(person, card.platformId, refuse.id),
  };
}

const refusedWith = (chat: PeerChat) => texts(chat).filter((text) => text.includes("Refused ("));

export const PRESSING: readonly HostCheck[] = [
  {
    point: 10,
    says: "refuses the press of the wrong person with one line, and takes the right one's as often as it comes",
    without: without(needsListen, hasTwoButtons),
    async run(given) {
      const { channel, direct, group, shows, until } = given;
      const { card, press } = await asksLeave(given, "pressed.example");
      await press(GUEST);
      await shows(group, "that others may not", ({ text }) => text.includes("Only the owner may use /deny"));
      const early = refusedWith(group);
      await Promise.all([press(OWNER), press(OWNER)]);
      await shows(direct, "that it was not done", ({ text }) => text.includes("that is over"));
      await until("both presses are answered", () => refusedWith(group).length === 2);

      deepStrictEqual(early, []);
      equal(new Set(refusedWith(group)).size, 1);
      if (!channel.abilities.edits) return;
      const closed = await shows(
        group,
        "what became of it, in its place",
        ({ platformId, text }) => platformId === card.platformId && text.includes("Refused by"),
      );
      deepStrictEqual(closed.buttons ?? [], []);
    },
  },
  {
    point: 10,
    says: "takes a press after its host was killed",
    without: without(needsListen, hasTwoButtons),
    async run(given) {
      const { direct, group, host, shows } = given;
      const { press } = await asksLeave(given, "restarted.example");
      await host.kill();
      await press(OWNER);

      await shows(group, "that it is refused", ({ text }) => text.includes("Refused ("));
      await shows(direct, "that it was not done", ({ text }) => text.includes("that is over"));
    },
  },
];
