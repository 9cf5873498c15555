/** Voice notes as people send them: the plugin that ships, in a process of its own, with a program that "hears". */
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { expect, it } from "vitest";
import { homePaths } from "../src/config.ts";
import { ChatId } from "../src/core/ids.ts";
import { givenHost } from "./journey.ts";
import { setUpShipped } from "./shipped.ts";

const CHAT = ChatId.parse("web:journey");
const PATIENT = { timeout: 60_000 };

/** Says what is in the recording; where that is "die", its plugin's process dies, once. */
const HEARS = `#!/bin/sh
if grep -q die "$1" && [ ! -e "$2/died" ]; then touch "$2/died"; kill -9 "$PPID"; sleep 60; fi
cat "$1"
`;

async function given() {
  const journey = await givenHost();
  const paths = homePaths(journey.home);
  const own = join(paths.pluginsData, "transcription"); // the one folder of the home that the plugin sees
  await mkdir(own, { recursive: true });
  await writeFile(join(own, "hears.sh"), HEARS);
  await chmod(join(own, "hears.sh"), 0o755);
  await setUpShipped(journey.home, "transcription", {
    settings: { command: [join(own, "hears.sh"), "{file}", own] },
  });
  await expect
    .poll(async () => {
      const { plugins } = await journey.client.status();
      return plugins.list.find(({ name }) => name === "transcription")?.state;
    }, PATIENT)
    .toBe("running");
  const record = async (said: string, name = "voice.ogg") =>
    (await journey.client.upload(CHAT, { name, content: Readable.from([Buffer.from(`OggS\n${said}`)]) })).id;
  return { ...journey, record };
}

it("a voice note is answered by its words, also when the plugin dies in the middle of it", async () => {
  const { ask, client, record, home } = await given();

  const told = await ask("", CHAT, [await record("say: the milk is bought")]);
  const died = await ask("", CHAT, [await record("say: they cannot die twice")]);

  expect(told.answer).toContain("the milk is bought");
  expect(died.answer).toContain("they cannot die twice");
  const { plugins } = await client.status();
  expect(plugins.list.find(({ name }) => name === "transcription")?.crashes).toBe(1);
  const why = (await ask("/why")).answer;
  expect(why).toContain("The plugin transcription changed what is read of it.");
  expect(await readFile(homePaths(home).log, "utf8")).not.toMatch(/milk is bought|die twice/);
}, 180_000);
