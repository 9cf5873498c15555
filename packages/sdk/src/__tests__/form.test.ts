import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import type { OutboundFile } from "../channel.ts";
import { formOf } from "../form.ts";
import { WireError } from "../wire.ts";

function fileOf(name: string, content: string, type = "text/plain"): OutboundFile {
  return { name, type, bytes: Buffer.byteLength(content), open: () => Readable.from([Buffer.from(content)]) };
}

/** As whoever gets it reads it. */
async function read({ headers, body }: ReturnType<typeof formOf>) {
  const bytes = await buffer(Readable.from(body));
  const form = await new Response(new Uint8Array(bytes), { headers }).formData();
  return { form, bytes, length: Number(headers["content-length"]) };
}

async function fileIn(form: FormData, name: string): Promise<{ name: string; type: string; text: string }> {
  const file = form.get(name);
  if (!(file instanceof File)) throw new Error(`there is no file ${name}`);
  return { name: file.name, type: file.type, text: await file.text() };
}

describe("a form with a file", () => {
  it("holds its fields and the file, and is as long as it says", async () => {
    const { form, bytes, length } = await read(
      formOf({
        fields: [
          { name: "what", value: "a cat\r\n--x" },
          { name: "json", value: '{"a":1}', type: "application/json" },
        ],
        file: { name: "files[0]", content: fileOf("Kätzchen.txt", "miaow\r\n--bellhop--") },
      }),
    );

    expect([form.get("what"), [...form.keys()]]).toEqual(["a cat\r\n--x", ["what", "json", "files[0]"]]);
    expect(await fileIn(form, "files[0]")).toEqual({
      name: "Kätzchen.txt",
      type: "text/plain",
      text: "miaow\r\n--bellhop--",
    });
    expect(length).toBe(bytes.length);
  });

  it("separates its parts by what nobody can have written into them", () => {
    const parts = { fields: [], file: { name: "file", content: fileOf("a.txt", "a") } };

    expect(formOf(parts).headers).not.toEqual(formOf(parts).headers);
    expect(formOf(parts, "mine").headers["content-type"]).toBe("multipart/form-data; boundary=mine");
  });

  it("declares the file as it is told to", async () => {
    const content = fileOf("a.zip", "zip", "application/zip");
    const { form } = await read(
      formOf({ fields: [], file: { name: "file", content, type: "application/pdf" } }),
    );

    expect(await fileIn(form, "file")).toMatchObject({ type: "application/pdf" });
  });

  it.each([
    ["a quote", 'a"; name="payload_json', "a_; name=_payload_json"],
    ["lines of their own", "a\r\n\r\nb\u0000", "a____b_"],
    ["a backslash", "a\\", "a_"],
  ])("takes no more from a name than a name: %s", async (_, given, name) => {
    const type = "text/plain\r\nx-more: 1";
    const { form } = await read(
      formOf({
        fields: [{ name: "payload_json", value: "ours" }],
        file: { name: "file", content: fileOf(given, "content", type) },
      }),
    );

    expect(await fileIn(form, "file")).toMatchObject({ name, text: "content" });
    expect(form.getAll("payload_json")).toEqual(["ours"]);
  });

  it("was not all written where the file cannot be read to its end", async () => {
    const open = () => new Readable({ read: () => undefined }).destroy(new Error("the disk is gone"));
    const content = { ...fileOf("a.txt", "a"), open };
    const { body } = formOf({ fields: [], file: { name: "file", content } });

    const failure = await buffer(Readable.from(body)).catch((error: unknown) => error);

    expect(failure).toBeInstanceOf(WireError);
    expect(failure).toMatchObject({ written: false });
  });
});
