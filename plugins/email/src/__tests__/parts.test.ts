import { describe, expect, it } from "vitest";
import { partsOf } from "../parts.ts";

const plain = { part: "1", type: "text/plain", size: 10 };
const html = { part: "2", type: "text/html", size: 100 };
const names = (structure: Parameters<typeof partsOf>[0]) => {
  const { texts, files } = partsOf(structure);
  return [texts.map(({ part }) => part), files.map(({ name }) => name)];
};

describe("the parts of a mail", () => {
  it("are its text alone where it has no others", () => {
    expect(names({ type: "text/plain" })).toEqual([["1"], []]);
  });

  it("are the plain one of alternatives, or else the HTML", () => {
    const calendar = { part: "3", type: "text/calendar" };

    expect(names({ type: "multipart/alternative", childNodes: [plain, html, calendar] })).toEqual([
      ["1"],
      [],
    ]);
    expect(names({ type: "multipart/alternative", childNodes: [html, calendar] })).toEqual([["2"], []]);
  });

  it("are files where they are said to be, whatever they hold", () => {
    const childNodes = [
      plain,
      {
        part: "2",
        type: "text/plain",
        disposition: "attachment",
        dispositionParameters: { filename: "a.txt" },
      },
      { part: "3", type: "text/html", disposition: "inline", dispositionParameters: { filename: "b.html" } },
      { part: "4", type: "image/jpeg", size: 1_000_000 },
      { part: "5", type: "message/rfc822", envelope: { subject: "Fwd" } },
    ];

    expect(names({ type: "multipart/mixed", childNodes })).toEqual([
      ["1"],
      ["a.txt", "b.html", "part-4", "Fwd.eml"],
    ]);
  });

  it("are not what a signature is decorated with", () => {
    const logo = { part: "2.2", type: "image/png", size: 3_000, id: "<logo>" };
    const photo = {
      part: "2.3",
      type: "image/jpeg",
      size: 500_000,
      dispositionParameters: { filename: "photo.jpg" },
    };

    expect(names({ type: "multipart/related", childNodes: [html, logo, photo] })).toEqual([
      ["2"],
      ["photo.jpg"],
    ]);
  });

  it("are so many, and no more", () => {
    const deep = Array.from({ length: 5_000 }).reduce<{ type: string; childNodes?: object[] }>(
      (child) => ({ type: "multipart/mixed", childNodes: [child] }),
      plain,
    );

    expect(names(deep as Parameters<typeof partsOf>[0])).toEqual([[], []]); // what a server hands out is as deep as it likes
  });
});
