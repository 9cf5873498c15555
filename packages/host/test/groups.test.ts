/** Chats of several people: who calls the assistant, what it is given along, and what it never answers. */
import { describe, expect, it } from "vitest";
import { fakePlatform } from "./fake-channel.ts";
import { givenHost } from "./journey.ts";

const ann = { id: "ann", name: "Ann" };
const ben = { id: "ben", name: "Ben" };

/** A host with the group `family`, whose chat is `kitchen` on the fake platform. */
async function given(settings = "") {
  const platform = fakePlatform();
  const kitchen = platform.group("kitchen", "The kitchen");
  const config = `
owners: ["fake:ann"]
groups:
  family:
    chats: ["fake:kitchen"]
${settings
  .split("\n")
  .map((line) => `    ${line}`)
  .join("\n")}
`;
  const journey = await givenHost({ config, channels: [platform.channel] });
  return { platform, kitchen, ...journey };
}

describe("a chat of several people", () => {
  it("is answered when somebody calls the assistant by its name, and only then", async () => {
    const { platform, kitchen } = await given();

    kitchen.says(ann, "who cooks tonight?");
    kitchen.says(ben, "@bellhop hello");
    await kitchen.shows(({ from }) => from === "us");
    await platform.taken();

    expect(kitchen.ours()).toHaveLength(1);
  });
});
