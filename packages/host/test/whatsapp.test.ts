/** WhatsApp as people have it: linked in a terminal, and written to. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { cleanUp, startInTerminal } from "./command.ts";
import { ANN, givenWhatsApp } from "./whatsapp.ts";

afterEach(cleanUp);

it("is linked by a code in the terminal, listens at once, and carries files both ways", async () => {
  const { home, control } = await givenWhatsApp();

  const first = startInTerminal(["channels", "connect", "whatsapp", "--home", home]);
  await first.says("use one that you can spare");
  first.type("qr\r");
  await first.says("Then scan this code");
  await first.says("█");
  expect(await control.sees(({ codes }) => codes[0])).toBe("qr-1");
  control.does({ do: "pair" });
  await first.says(`Connected: +4915100000001.`);
  expect((await first.ended).code).toBe(0);
  await control.sees(({ connected }) => connected || undefined);

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
