import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createStreamed } from "../streamed.ts";

describe("streamed text and the messages it became", () => {
  it("is printed once: the message only ends its line", () => {
    const streamed = createStreamed();

    const printed = [
      streamed.delta({ text: "Hello", reset: true }),
      streamed.delta({ text: " you", reset: false }),
      streamed.message("Hello you"),
      streamed.end(),
    ];

    expect(printed).toEqual(["Hello", " you", "\n", ""]);
  });

  it("is printed as it is where nothing was streamed", () => {
    expect(createStreamed().message("Hello")).toBe("Hello\n");
    expect(createStreamed().message("Hello\n")).toBe("Hello\n");
  });

  it("gets the rest of a message of which only the beginning was seen", () => {
    const streamed = createStreamed();

    expect(streamed.delta({ text: "Hello", reset: true }) + streamed.message("Hello you")).toBe(
      "Hello you\n",
    );
  });

  it("is printed again in full where the message differs: that is what counts", () => {
    const streamed = createStreamed();

    expect(streamed.delta({ text: "Helo", reset: true }) + streamed.message("Hello")).toBe("Helo\nHello\n");
  });

  it("goes on after a reconnect without repeating what was there", () => {
    const streamed = createStreamed();

    const before = streamed.delta({ text: "one two", reset: true });
    const after = streamed.delta({ text: "one two three", reset: true });

    expect(before + after + streamed.message("one two three")).toBe("one two three\n");
  });

  it("keeps stretches apart when a message comes after the next one has begun", () => {
    const streamed = createStreamed();

    const printed = [
      streamed.delta({ text: "Let me look.", reset: true }),
      streamed.delta({ text: "Found", reset: true }),
      streamed.message("Let me look."),
      streamed.delta({ text: " it.", reset: false }),
      streamed.message("Found it."),
    ];

    expect(printed.join("")).toBe("Let me look.\nFound it.\n");
  });

  it("is whole when a long answer became several messages, at whatever words it was split", () => {
    fc.assert(
      fc.property(
        fc.array(fc.stringMatching(/^[a-z]{1,9}$/), { minLength: 1, maxLength: 20 }),
        fc.nat(),
        (words, at) => {
          const cut = at % words.length;
          const text = words.join(" ");
          const parts = [words.slice(0, cut), words.slice(cut)]
            .map((part) => part.join(" "))
            .filter((part) => part !== "");
          const streamed = createStreamed();

          const printed = [
            streamed.delta({ text, reset: true }),
            ...parts.map((part) => streamed.message(part)),
          ].join("");

          expect(printed).toBe(`${text}\n`);
        },
      ),
    );
  });

  it("is ended by the end of its turn when no message came of it", () => {
    const streamed = createStreamed();

    expect(streamed.delta({ text: "half a", reset: true }) + streamed.end()).toBe("half a\n");
  });
});
