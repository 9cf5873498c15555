import { describe, expect, it } from "vitest";
import { gitAddress, originOf } from "../origin.ts";
import { tarballOf, temporaryFolder, weather, writeFiles } from "./plugin-folders.ts";

describe("what a plugin is named by", () => {
  it.each([
    ["weather", { kind: "npm", name: "weather", wanted: "latest" }],
    ["weather@1.2.0", { kind: "npm", name: "weather", wanted: "1.2.0" }],
    ["@ann/weather@^2", { kind: "npm", name: "@ann/weather", wanted: "^2" }],
    ["https://git.example.com/weather.git", { kind: "git", url: "https://git.example.com/weather.git" }],
    [
      "git+ssh://git@example.com/all.git#v2:plugins/weather",
      { kind: "git", url: "ssh://git@example.com/all.git", ref: "v2", path: "plugins/weather" },
    ],
    ["git@example.com:ann/weather.git", { kind: "git", url: "git@example.com:ann/weather.git" }],
    ["github:ann/weather#main", { kind: "git", url: "https://github.com/ann/weather.git", ref: "main" }],
  ])("%s is read as what it is", (text, origin) => {
    expect(originOf(text, "/nowhere")).toEqual(origin);
  });

  it("is a folder or a file where it looks like a path", async () => {
    const folder = await writeFiles(await temporaryFolder(), weather());
    const file = await tarballOf(weather());

    expect(originOf(".", folder)).toEqual({ kind: "folder", path: folder });
    expect(originOf(file, "/")).toEqual({ kind: "tarball", path: file });
  });

  it.each([
    ["./nowhere", /There is no/],
    ["https://example.com/weather.tgz", /fetch it first/],
    ["https://example.com/a.git#--upload-pack=evil", /no branch/],
    ["--registry=http://evil", /names no plugin/],
    ["a b", /names no plugin/],
  ])("%s is refused", (text, why) => {
    expect(() => originOf(text, "/tmp")).toThrow(why);
  });

  it("is the same again when it was written down", () => {
    const address = "https://example.com/all.git#v2:plugins/weather";
    const origin = originOf(address, "/");

    expect(origin.kind === "git" && gitAddress(origin)).toBe(address);
  });
});
