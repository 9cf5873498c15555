/** WhatsApp as people have it: linked in a terminal, and written to. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { cleanUp, run, startInTerminal } from "./command.ts";
import { ANN, givenWhatsApp, type House } from "./whatsapp.ts";

afterEach(cleanUp);

async function link({ home, control }: Pick<House, "home" | "control">, says: string): Promise<void> {
  const lives = control.lives();
  const terminal = startInTerminal(["channels", "connect", "whatsapp", "--home", home]);
  await terminal.says(says);
  terminal.type("qr\r");
  await terminal.says("Then scan this code");
  control.does({ do: "pair" });
  await terminal.says("Connected: ");
  expect((await terminal.ended).code).toBe(0);
  await control.isBack(lives);
}

it("has two accounts in one process, of which one is unlinked while the other goes on", async () => {
  const house = await givenWhatsApp();
  const { home, control, second, client } = house;
  const states = async () =>
    (await client.channels.list()).accounts.flatMap((one) =>
      one.channel === "whatsapp" ? `${one.account} ${one.state}` : [],
    );
  await link({ home, control }, "use one that you can spare");
  const lives = control.lives();
  await link({ home, control: second }, "Linked already: +4915100000001 as whatsapp.");
  await control.isBack(lives); // it is the same process
  control.does({ do: "says", person: ANN, text: "say: by the first" });
  second.does({ do: "says", person: ANN, text: "say: by the second" });
  await control.shows(({ text }) => text.includes("by the first"));
  await second.shows(({ text }) => text.includes("by the second"));

  second.does({ do: "unlink" });
  await expect.poll(states, { timeout: 20_000 }).toEqual([" up", "work down"]);
  control.does({ do: "says", person: ANN, text: "say: still here" });
  await control.shows(({ text }) => text.includes("still here"));

  await link({ home, control: second }, "The account whatsapp/work is not linked any more");
  second.does({ do: "says", person: ANN, text: "say: back again" });
  await second.shows(({ text }) => text.includes("back again"));
  const ended = await run(["channels", "disconnect", "work", "--yes", "--home", home]);
  expect(ended.stdout).toBe("Disconnected: whatsapp/work. Taken out of .env: WHATSAPP_LINKED_AT_2.\n");
  await expect.poll(states, { timeout: 20_000 }).toEqual([" up"]);
}, 180_000);

it("is linked by a code in the terminal, listens at once, and carries files both ways", async () => {
  const { home, control } = await givenWhatsApp();

  const lives = control.lives();
  const first = startInTerminal(["channels", "connect", "whatsapp", "--home", home]);
  await first.says("use one that you can spare");
  first.type("qr\r");
  await first.says("Then scan this code");
  await first.says("█");
  expect(await control.sees(({ codes }) => codes[0])).toBe("qr-1");
  control.does({ do: "pair" });
  await first.says(`Connected: +4915100000001.`);
  expect((await first.ended).code).toBe(0);
  await control.isBack(lives);

  control.does({
    do: "says",
    person: ANN,
    text: "run: find /workspace/media -name '*photo*' -exec cat {} +",
    file: { name: "photo.txt", type: "text/plain", content: btoa("carried by WhatsApp") },
  });
  await control.shows(({ text }) => text.includes("carried by WhatsApp"));
  control.does({
    do: "says",
    person: ANN,
    text: 'run: echo carried back > back.txt\ntool: send_file {"path": "back.txt", "caption": "here"}',
  });
  const { file } = await control.shows((message) => message.file !== undefined);
  expect([file?.name, atob(file?.content ?? "")]).toEqual(["back.txt", "carried back\n"]);

  const kept = await stat(join(home, "plugins-data", "whatsapp", "whatsapp.db"));
  expect(kept.mode & 0o777).toBe(0o600);
}, 180_000);
