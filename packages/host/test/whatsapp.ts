/**
 * A host with the plugin for WhatsApp in a process of its own, and in that process a fake of WhatsApp's server, whose
 * other end is held here.
 */
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";
import { approve } from "../../../bench/plugin.ts";
import { CONTROL, SECOND_CONTROL, type Shown } from "../../../plugins/whatsapp/test/fake/control.ts";
import { openControl, writeTestPlugin } from "../../../plugins/whatsapp/test/fake/driver.ts";
import { givenHost } from "./journey.ts";
import { notShown } from "./shown.ts";

export const ANN = { id: "4915200000001", name: "Ann" };

/** The other end of a fake of the plugin's, and a wait for a message of ours that says what there was in its place. */
async function givenControl(home: string, name: typeof CONTROL | typeof SECOND_CONTROL) {
  const control = await openControl(join(home, "plugins-data", "whatsapp"), name);
  onTestFinished(control.close);
  return {
    ...control,
    async shows(fits: (message: Shown) => boolean): Promise<Shown> {
      const find = () => control.messages().find((message) => message.from === "us" && fits(message));
      const seen = () => control.messages().map(({ from, text }) => `${from}: ${text}`);
      return await control.changes.until(find).catch(notShown(fits, seen, { home }));
    },
  };
}

export type House = Awaited<ReturnType<typeof givenWhatsApp>>;

/** Not linked yet. What its owner, Ann, writes is for the group `main`, whichever account she writes to. */
export async function givenWhatsApp() {
  const journey = await givenHost({
    config: `owners: ["whatsapp:${ANN.id}"]
groups:
  main:
    chats: ["whatsapp:${ANN.id}", "whatsapp/work:${ANN.id}"]
`,
  });
  const control = await givenControl(journey.home, CONTROL);
  const second = await givenControl(journey.home, SECOND_CONTROL);
  const folder = join(dirname(journey.home), "plugin-whatsapp");
  await writeTestPlugin(folder, "plugin.ts");
  await approve(journey.home, { name: "whatsapp", folder, ships: false }, { accounts: ["", "work"] });
  await control.sees(() => true); // its process is up
  return { ...journey, control, second };
}
