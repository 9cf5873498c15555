import { describe, expect, it } from "vitest";
import { z } from "zod";
import { SharedFile } from "../../core/events.ts";
import { chatOf, HOST, openHouse, TCP } from "./house.ts";

const PNG = Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), Buffer.alloc(5_000, 1)]);
type Body = NonNullable<RequestInit["body"]>;
const chat = chatOf("home");
const path = `/api/v1/chats/${encodeURIComponent(chat)}`;

async function given(scope: "read" | "chat" = "chat") {
  const house = await openHouse();
  const headers = { ...HOST, authorization: `Bearer ${await house.token(scope)}` };
  const { app, timeline } = house;
  return {
    ...house,
    upload: async (body: Body, name = "photo.png", more: Record<string, string> = {}) =>
      await app.request(
        `${path}/files?name=${encodeURIComponent(name)}`,
        { method: "POST", headers: { ...headers, ...more }, body, duplex: "half" },
        TCP,
      ),
    uploaded: async (name = "photo.png", body: Body = PNG) => {
      const response = await app.request(
        `${path}/files?name=${encodeURIComponent(name)}`,
        { method: "POST", headers, body },
        TCP,
      );
      return SharedFile.parse(await response.json());
    },
    write: async (message: object) =>
      await app.request(
        `${path}/messages`,
        {
          method: "POST",
          headers: { ...headers, "content-type": "application/json" },
          body: JSON.stringify(message),
        },
        TCP,
      ),
    read: async (id: string) => await app.request(`/api/v1/files/${id}`, { headers }, TCP),
    messages: async () =>
      (await timeline.before(chat, undefined, 100)).events.filter((event) => event.type === "message"),
  };
}

const Problem = z.object({ error: z.object({ code: z.string(), message: z.string() }) });
const problem = async (response: Response) => Problem.parse(await response.json()).error;

describe("a file over HTTP", () => {
  it("is handed over, sent with a message, shown with it, and read back byte for byte", async () => {
    const { upload, write, read, messages } = await given();

    const response = await upload(PNG, "a/b/Grüße.png");
    const file = SharedFile.parse(await response.json());
    const sent = await write({ text: "look", files: [file.id] });

    expect([response.status, sent.status]).toEqual([201, 201]);
    expect(file).toMatchObject({ name: "Grüße.png", type: "image/png", bytes: PNG.length, state: "stored" });
    expect(await messages()).toMatchObject([{ text: "look", files: [file] }]);
    const content = await read(file.id);
    expect(Buffer.from(await content.arrayBuffer())).toEqual(PNG);
    expect(content.headers.get("content-length")).toBe(String(PNG.length));
  });

  it("may come without a word", async () => {
    const { uploaded, write, messages } = await given();
    const { id } = await uploaded();

    const response = await write({ text: "", files: [id] });

    expect(response.status).toBe(201);
    expect(await messages()).toMatchObject([{ text: "", files: [{ id }] }]);
  });

  it.each([
    ["a picture", PNG, "image/png", "inline"],
    [
      "a page that calls itself a picture",
      "<script>alert(1)</script>",
      "text/plain; charset=utf-8",
      "attachment",
    ],
    ["a drawing that can run script", "<svg onload='alert(1)'/>", "text/plain; charset=utf-8", "attachment"],
    ["a PDF", "%PDF-1.7", "application/pdf", "attachment"],
  ])("that is %s can run nothing in a browser", async (_what, body, type, how) => {
    const { uploaded, read } = await given();
    const { id } = await uploaded("a\"; x=\n'.png", body);

    const { headers } = await read(id);

    expect(headers.get("content-type")).toBe(type);
    expect(headers.get("content-disposition")).toMatch(
      new RegExp(`^${how}; filename="[^"\\n]+"; filename\\*=UTF-8''[^'"\\s]+$`),
    );
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("content-security-policy")).toBe("default-src 'none'; sandbox");
  });

  it("that is too large is refused by what it says, and by what it is", async () => {
    const { upload, db } = await given();

    const said = await upload("x", "big", { "content-length": "70000" });
    const shown = await upload(new Blob([Buffer.alloc(70_000)]).stream(), "big");

    expect([said.status, shown.status]).toEqual([413, 413]);
    expect((await problem(shown)).message).toBe("The file is larger than the 64 KB allowed.");
    expect(await db.selectFrom("files").selectAll().execute()).toEqual([]);
  });

  it("is for one message of its own group", async () => {
    const { uploaded, write, messages } = await given();
    const { id } = await uploaded();
    await write({ text: "first", files: [id] });

    const again = await write({ text: "second", files: [id] });
    const unknown = await write({ text: "third", files: [crypto.randomUUID()] });

    expect([again.status, unknown.status]).toEqual([409, 409]);
    expect((await problem(again)).message).toContain("hand it over first, and attach it once");
    expect(await messages()).toMatchObject([{ text: "first" }]);
  });

  it("needs the scope of who writes to be handed over, and a name", async () => {
    const reader = await given("read");
    const writer = await given();

    expect((await reader.upload(PNG)).status).toBe(403);
    expect((await writer.upload(PNG, "")).status).toBe(400);
    expect((await writer.read(crypto.randomUUID())).status).toBe(404);
    expect((await writer.read("x")).status).toBe(400);
  });

  it("leaves an empty message an error where there is none", async () => {
    const { write } = await given();

    expect((await write({ text: " ", files: [] })).status).toBe(400);
  });
});
