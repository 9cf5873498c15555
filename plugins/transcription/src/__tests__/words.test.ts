import { describe, expect, it } from "vitest";
import { endingOf } from "../audio.ts";
import { verdictOf } from "../words.ts";

const recording = (name: string) => ({ id: name, name, bytes: 1, ending: ".ogg" });

describe("what is read of a message with recordings", () => {
  it("is what was said, behind what was written", () => {
    const verdict = verdictOf("listen", [{ of: recording("a.ogg"), text: "buy milk" }]);

    expect(verdict).toEqual({ text: "listen\n\n[voice note, transcribed] buy milk" });
  });

  it("names each where there are several, and says of one that failed why", () => {
    const verdict = verdictOf("", [
      { of: recording("a.ogg"), text: "buy milk" },
      { of: recording("b.ogg"), why: "nothing could be heard in it" },
    ]);

    expect(verdict).toEqual({
      text: '[voice note "a.ogg", transcribed] buy milk',
      note: 'The voice note "b.ogg" could not be transcribed: nothing could be heard in it.',
    });
  });

  it("stays as it was where nothing was transcribed", () => {
    expect(verdictOf("listen", [{ of: recording("a.ogg"), why: "it is larger than 1 MB" }])).toEqual({
      note: "The voice note could not be transcribed: it is larger than 1 MB.",
    });
  });
});

describe("a file", () => {
  it.each([
    ["voice", "audio/ogg", ".ogg"],
    ["voice.oga", "application/octet-stream", ".ogg"],
    ["memo.M4A", "video/mp4", ".m4a"],
    ["call.webm", "video/webm", ".webm"],
    ["film.mp4", "video/mp4", undefined],
    ["sheet.ogg", "text/plain", undefined],
    ["data", "application/octet-stream", undefined],
  ])("%s of the type %j is a recording that ends in %s", (name, type, ending) => {
    expect(endingOf({ name, type })).toBe(ending);
  });
});
