import { describe, expect, it } from "vitest";
import { createScreen } from "../screen.ts";

describe("a screen with a last line", () => {
  it("shows text above it", () => {
    const { screen, shown } = given();
    screen.write("one\ntwo\n");

    expect(shown()).toBe("one\ntwo\n<line>");
  });

  it("lets it step aside in the middle of a line, and brings it back after", () => {
    const { screen, shown } = given();

    screen.write("so");
    expect(shown()).toBe("so");
    screen.write(" far\n");
    expect(shown()).toBe("so far\n<line>");
  });

  it("lets text through in whole lines only while somebody types, and loses none of it", () => {
    const { screen, shown, line } = given();
    screen.write("so");

    screen.showLast();
    line.typing = true;
    screen.write(" far");
    expect(shown()).toBe("so\n<line>");
    screen.write(" so good\nand");
    expect(shown()).toBe("so\n far so good\n<line>");

    line.typing = false;
    screen.lastIsGone();
    expect(shown()).toBe("so\n far so good\n<line>and");
  });

  it("ends what is open before another voice speaks", () => {
    const { screen, shown } = given();

    screen.write("cut of");
    screen.endLine();
    screen.endLine();

    expect(shown()).toBe("cut of\n<line>");
  });

  it("can be without one", () => {
    const { screen, shown } = given();

    screen.setLast(undefined);
    screen.write("a");
    screen.endLine();

    expect(shown()).toBe("a\n");
  });
});

function given() {
  let shown = "";
  const line = { typing: false };
  const screen = createScreen({ write: (text) => (shown += text) });
  screen.setLast({
    draw: () => (shown += "<line>"),
    erase: () => (shown = shown.replace(/<line>$/, "")),
    busy: () => line.typing,
  });
  return { screen, line, shown: () => shown };
}
