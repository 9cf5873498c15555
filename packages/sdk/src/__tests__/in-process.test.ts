import { expect, it } from "vitest";
import * as inProcess from "../in-process.ts";
import * as all from "../index.ts";
import * as manifest from "../manifest.ts";

it("what a plugin's process is given is all of the sdk but the manifests' schemas", () => {
  const schemas = new Set(Object.keys(manifest));

  expect(Object.keys(inProcess).toSorted()).toEqual(
    Object.keys(all)
      .filter((name) => !schemas.has(name))
      .toSorted(),
  );
});
