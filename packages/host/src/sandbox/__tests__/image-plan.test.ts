import { ConfigError } from "@bellhop/sdk";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readDockerfile } from "../image/dockerfile.ts";
import { missingTools } from "../image/missing-tools.ts";
import { CHROMIUM_START } from "../profile.ts";
import { forClassicBuilder, type ImageLayer, type ImageParts, planImage } from "../image/plan.ts";

const OURS = "ARG BASE_IMAGE=debian\nFROM ${BASE_IMAGE} AS small\nFROM small AS full\n";
const plan = (parts: Partial<ImageParts> = {}) =>
  planImage({ dockerfile: OURS, target: "full", layers: [], ...parts });
const layer = (plugin: string, fragment = `RUN echo ${plugin}`): ImageLayer => ({ plugin, fragment });

describe("the plan of an image", () => {
  it("is our Dockerfile, then the layers as root, and ends as the agent's user", () => {
    expect(
      plan({ layers: [layer("notes", "# jq\nRUN apt-get update && \\\n    apt-get install -y jq\nENV A=b")] })
        .dockerfile,
    ).toBe(
      `${OURS}FROM full AS agent
USER 0:0
# Layer of the plugin notes
# jq
RUN apt-get update && \\
    apt-get install -y jq
ENV A=b
USER 1000:1000
WORKDIR /workspace/group
`,
    );
  });

  it("is the same whatever order its layers came in, and so is its tag", () => {
    const layers = ["zebra", "apple", "@org/b", "a.b", "a-b", "a"].map((name) => layer(name));

    fc.assert(
      fc.property(fc.shuffledSubarray(layers, { minLength: layers.length }), (shuffled) => {
        expect(plan({ layers: shuffled })).toEqual(plan({ layers }));
      }),
    );
    expect(plan({ layers }).dockerfile.match(/plugin .*/g)).toEqual(
      ["@org/b", "a", "a-b", "a.b", "apple", "zebra"].map((name) => `plugin ${name}`),
    );
  });

  it("has another tag as soon as anything of it is another", () => {
    const tags = [
      plan(),
      plan({ target: "small" }),
      plan({ base: "debian:12" }),
      plan({ base: "debian:13" }),
      plan({ dockerfile: `${OURS}# new\n` }),
      plan({ layers: [layer("a")] }),
      plan({ layers: [layer("b", "RUN echo a")] }),
      plan({ layers: [layer("a"), layer("b")] }),
    ].map(({ tag }) => tag);

    expect(new Set(tags).size).toBe(tags.length);
    expect(tags.every((tag) => /^bellhop-agent:[0-9a-f]{16}$/.test(tag))).toBe(true);
    expect(plan().tag).toBe(plan().tag);
  });

  it.each([
    ["FROM scratch", /line 1 ends what must begin with one of RUN, ENV, ARG/],
    ["USER 0", /must begin with/],
    ["COPY . /", /must begin with/],
    ["RUN true\nENTRYPOINT ['x']", /line 2/],
    ["RUN --mount=type=bind,target=/x true", /asks the builder for more/],
    ["RUN \\\n  --network=host true", /line 2 asks the builder for more/],
    ["RUN <<EOF\ntrue\nEOF", /here-document/],
    ["# syntax=docker.io/other/frontend\nRUN true", /directive/],
    ["RUN true && \\", /in the middle of a command/],
    ["RUN tr\rue", /characters/],
  ])("refuses a layer %j", (fragment, why) => {
    expect(() => plan({ layers: [layer("odd", fragment)] })).toThrow(why);
    expect(() => plan({ layers: [layer("odd", fragment)] })).toThrow(/plugin odd/);
  });

  it("refuses two layers of one plugin, and a name that would break its comment", () => {
    expect(() => plan({ layers: [layer("a"), layer("a", "RUN x")] })).toThrow(/two image layers/);
    expect(() => plan({ layers: [layer("a\nFROM scratch")] })).toThrow(ConfigError);
  });
});

describe("our Dockerfile", () => {
  it("names its base by an argument, needs no frontend from elsewhere, and ends as user 1000", async () => {
    const text = await readDockerfile();

    expect(text).toMatch(/^ARG BASE_IMAGE=\S+\n\nFROM \$\{BASE_IMAGE\}/m);
    expect(text.indexOf("ARG BASE_IMAGE")).toBeLessThan(text.indexOf("FROM"));
    expect(text).not.toMatch(/^#\s*syntax\s*=/im);
    expect(text.trimEnd().split("\n").at(-1)).toBe("USER 1000:1000");
    for (const program of [
      "git",
      "jq",
      "curl",
      "ripgrep",
      "python3",
      "chromium",
      "fonts-noto-cjk",
      "emoji",
    ]) {
      expect(text).toContain(program);
    }
  });

  it("starts Chromium as the sandboxes of bubblewrap do", async () => {
    const text = await readDockerfile();

    for (const line of CHROMIUM_START) expect(text).toContain(`'${line}'`);
  });

  it("is the same without mounts for Docker's classic builder, which does not know them", async () => {
    const text = await readDockerfile();

    const classic = forClassicBuilder(text);

    expect(text).toContain("RUN --mount=type=secret");
    expect(classic).not.toContain("--mount");
    expect(classic.split("\n")).toHaveLength(text.split("\n").length);
    expect(forClassicBuilder("RUN echo --mount=x")).toBe("RUN echo --mount=x");
  });
});

describe("what this machine lacks of the image's programs", () => {
  it("is all of them where there are none", async () => {
    const missing = await missingTools(["/nowhere"]);

    expect(missing.map(({ tool }) => tool)).toEqual(
      expect.arrayContaining(["git", "jq", "curl", "rg", "python3", "chromium"]),
    );
    expect(missing.map(({ package: name }) => name)).toContain("fontconfig");
  });

  it("is told of this one without those that are there", async () => {
    const here = await missingTools();

    expect(here.map(({ tool }) => tool)).not.toContain("node");
    expect(here.length).toBeLessThan((await missingTools(["/nowhere"])).length + 3);
  });
});
