import { RejectedError } from "@bellhop/sdk";
import { readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { crc32, deflateSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { ChatId } from "../src/core/ids.ts";
import { givenHost, type Journey, type Told } from "./journey.ts";
import { fakePlatform } from "./fake-channel.ts";

const CHAT = ChatId.parse("web:journey");

/** A picture of one red dot, as an encoder makes it. */
const PNG = (() => {
  const chunk = (type: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(data.length);
    const sum = Buffer.alloc(4);
    sum.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, sum]);
  };
  const header = Buffer.from([0, 0, 0, 1, 0, 0, 0, 1, 8, 2, 0, 0, 0]);
  return Buffer.concat([
    Buffer.from("\x89PNG\r\n\x1a\n", "latin1"),
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(Buffer.from([0, 255, 0, 0]))),
    chunk("IEND", Buffer.alloc(0)),
  ]);
})();

function upload({ client }: Journey, name: string, content: Buffer) {
  return client.upload(CHAT, { name, content: Readable.from([content]) });
}

const filesOf = ({ frames }: Told) =>
  frames.flatMap((event) =>
    event.type === "message" && event.direction === "out" ? (event.files ?? []) : [],
  );

describe("a file that a person sends", () => {
  it("reaches the model itself when it is a picture, and lies where the agent can read it and not write it", async () => {
    const journey = await givenHost();
    const file = await upload(journey, "../red dot.png", PNG);

    const { answer } = await journey.ask("see:", "web:journey", [file.id]);
    expect(answer).toBe(`I see a file (image/png, ${PNG.length} bytes).`);

    const [name = ""] = await readdir(join(journey.home, "media", "main"));
    expect(name).toMatch(/^[0-9a-f]{12}-red dot\.png$/);
    const inside = await journey.ask(
      `run: (cd /workspace/media && ls && sha256sum < "${name}" && (echo x >> "${name}"; rm -f "${name}"; touch new) 2>&1 | grep -c -i "read-only\\|denied")`,
    );
    expect(inside.answer.split("\n")).toEqual([name, expect.stringMatching(/^[0-9a-f]{64} {2}-$/), "3"]);
    expect(await readFile(join(journey.home, "media", "main", name))).toEqual(PNG);
    expect(inside.answer).toContain(await sha256(PNG));
  });

  it("is told with its place when the model does not take it", async () => {
    const journey = await givenHost();
    const file = await upload(journey, "notes.txt", Buffer.from("eggs and milk"));

    const { answer } = await journey.ask("see:", "web:journey", [file.id]);
    expect(answer).toBe("I see no file.");

    expect((await journey.ask("run: cat /workspace/media/*notes.txt")).answer).toBe("eggs and milk");
    const transcript = await journey.ask(
      "run: cat ~/.claude/projects/*/*.jsonl | grep -o 'with the file[^.]*' | head -1",
    );
    expect(transcript.answer).toMatch(/with the file .*notes/);
  });

  it("is seen by its own group alone", async () => {
    const journey = await givenHost({ config: "groups:\n  garden: {}\n" });
    const file = await upload(journey, "secret.txt", Buffer.from("for main only"));
    await journey.ask("say: here", "web:journey", [file.id]);

    const { answer } = await journey.ask(
      "run: ls /workspace/media | wc -l; ls -a /workspace/media/..",
      "web:other",
    );

    expect(answer.split("\n")[0]).toBe("1"); // the same group
    expect(answer).not.toContain("garden");
  });

  it("becomes a stub and one notice when its platform cannot give it, and the message is answered all the same", async () => {
    const platform = fakePlatform();
    const kitchen = platform.group("kitchen", "The kitchen");
    await givenHost({
      config: "owners: ['fake:ann']\nlimits:\n  fileMb: 1\ngroups:\n  family:\n    chats: ['fake:kitchen']\n",
      channels: [platform.channel],
    });
    const gone = async () => Promise.reject(new RejectedError("it was deleted there"));
    const fine = async () => Readable.from([PNG]);

    kitchen.says({ id: "ann", name: "Ann" }, "@Bellhop see:", {
      files: [
        { name: "clip.mp4", bytes: 2_000_000, open: fine },
        { name: "gone.jpg", open: gone },
        { name: "dot.png", open: fine },
      ],
    });
    await kitchen.shows(
      ({ from, text }) => from === "us" && text === `I see a file (image/png, ${PNG.length} bytes).`,
    );

    const notices = kitchen.ours().filter((text) => text.includes("could not take"));
    expect(notices.sort()).toEqual([
      "I could not take the file “clip.mp4”: the file is larger than the 1.0 MB allowed.",
      "I could not take the file “gone.jpg”: it was deleted there.",
    ]);
  });
});

describe("a file that an agent sends", () => {
  it("arrives byte for byte, wherever in the sandbox it lay", async () => {
    const journey = await givenHost();

    const told = await journey.ask(
      `run: head -c 3000000 /dev/urandom > /tmp/noise.bin && sha256sum < /tmp/noise.bin\ntool: send_file {"path": "/tmp/noise.bin", "caption": "some noise", "filename": "Rauschen.bin"}`,
    );

    expect(told.answer).toMatch(
      /"Rauschen\.bin" \(application\/octet-stream, 3000000 bytes\) is handed over for delivery/,
    );
    const [file] = filesOf(told);
    expect(file).toMatchObject({ name: "Rauschen.bin", bytes: 3_000_000, state: "stored" });
    if (!file) return;
    const content = await buffer(await journey.client.download(file.id));
    expect(told.answer).toContain(await sha256(content));
  });

  it("is refused with the exact reason", async () => {
    const journey = await givenHost({ config: "limits:\n  fileMb: 1\n" });

    const { answer } = await journey.ask(
      [
        "run: head -c 1100000 /dev/zero > big; mkdir -p folder; mkfifo pipe; ln -sf /etc/passwd link; ls -d big",
        'tool: send_file {"path": "big"}',
        'tool: send_file {"path": "folder"}',
        'tool: send_file {"path": "pipe"}',
        'tool: send_file {"path": "nowhere.txt"}',
        'tool: send_file {"path": "big", "chat": "web:not-there"}',
      ].join("\n"),
    );

    expect(answer).toContain("larger than the 1.0 MB allowed");
    expect(answer).toContain("is a folder");
    expect(answer).toContain("cannot be read as a plain file");
    expect(answer).toContain('there is no file "nowhere.txt"');
    expect(answer).toContain("There is no chat web:not-there");
    expect(await readdir(join(journey.home, "media", ".incoming"))).toEqual([]);
  });

  it("is never a file of the host's: what a link names is looked up inside", async () => {
    const journey = await givenHost();
    const canary = join(journey.home, "canary.txt");
    await writeFile(canary, "the host's own");
    await symlink(canary, join(journey.home, "groups", "main", "link"));

    const { answer } = await journey.ask('tool: send_file {"path": "link"}');

    expect(answer).toContain('there is no file "link"');
  });
});

async function sha256(content: Buffer): Promise<string> {
  return Buffer.from(await crypto.subtle.digest("SHA-256", new Uint8Array(content))).toString("hex");
}
