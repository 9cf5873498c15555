import { describe, expect, it } from "vitest";
import { mediaType } from "../media-type.ts";

const latin1 = (text: string) => Buffer.from(text, "latin1");

describe("the type of a file", () => {
  it.each([
    ["image/png", latin1("\x89PNG\r\n\x1a\n....")],
    ["image/jpeg", latin1("\xff\xd8\xff\xe0")],
    ["image/webp", latin1("RIFF....WEBPVP8 ")],
    ["audio/wav", latin1("RIFF....WAVEfmt ")],
    ["application/pdf", latin1("%PDF-1.7\n")],
    ["audio/mp4", latin1("\0\0\0\x20ftypM4A ")],
    ["video/mp4", latin1("\0\0\0\x20ftypisom")],
    ["application/zip", latin1("PK\x03\x04")],
    ["text/plain", Buffer.from("Grüße\n\tan alle")],
    ["text/plain", Buffer.alloc(0)],
    ["application/octet-stream", Buffer.from([0, 1, 2, 3])],
    ["application/octet-stream", latin1("caf\xe9 in another encoding")],
  ])("is %s by its content", (type, head) => {
    expect(mediaType(head, "anything.png")).toBe(type);
  });

  it("is not what its name says", () => {
    expect(mediaType(Buffer.from("<script>alert(1)</script>"), "cute.png")).toBe("text/plain");
  });

  it("is told by the name only where the content is a zip", () => {
    expect(mediaType(latin1("PK\x03\x04"), "letter.docx")).toMatch(/wordprocessingml/);
    expect(mediaType(Buffer.from("PK"), "letter.docx")).toBe("text/plain");
  });

  it("is text where the head was cut through a character", () => {
    expect(mediaType(Buffer.from("é").subarray(0, 1), "a")).toBe("text/plain");
  });
});
