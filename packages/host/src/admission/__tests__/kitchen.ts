/** A chat of several people, of the group `family`. */
import type { Inbound } from "@bellhop/sdk";
import { fakePlatform } from "../../../test/fake-channel.ts";
import { middle, settled } from "../../turns/__tests__/middle.ts";

/** Its owner. */
export const ada = { id: "ada", name: "Ada" };
export const ben = { id: "ben", name: "Ben" };

export async function given() {
  const platform = fakePlatform();
  platform.group("kitchen");
  const house = await middle({ channels: [platform.channel] });
  await house.bind("fake:kitchen", "family");
  let events = 0;
  async function receive(sender: Inbound["sender"], more: Partial<Inbound>) {
    events += 1;
    const inbound = { platformId: `e${events}`, kind: "message", version: 0, text: "", ...more } as const;
    await house.admission.receive(platform.channel, { ...inbound, chat: "kitchen", sender });
    await settled();
  }
  return {
    ...house,
    platform,
    receive,
    reacts: (sender: Inbound["sender"], replyTo: string, text: string, more: Partial<Inbound> = {}) =>
      receive(sender, { kind: "reaction", replyTo, text, ...more }),
    /** What the host said before the newest message that the agent was given. */
    async told() {
      await receive(ada, { text: "@Bellhop and now?" });
      const block = house.engine.latest.prompts.at(-1)?.blocks[0];
      return typeof block === "string" ? block.split("\n") : [];
    },
    rows: (kind: Inbound["kind"]) =>
      house.db.selectFrom("inbox").selectAll().where("kind", "=", kind).orderBy("seq").execute(),
  };
}
