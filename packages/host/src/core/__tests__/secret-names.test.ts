import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isHarmless, nameFinder, SECRET_NAMES, secretIn } from "../secret-names.ts";

describe("a name that looks like a secret", () => {
  it.each([
    ["/home/ada/.ssh", ".ssh"],
    ["/home/ada/.ssh/known_hosts", ".ssh"],
    ["/home/ada/project/.env", ".env"],
    ["/home/ada/project/.env.local", ".env"],
    ["/home/ada/project/prod.env", ".env"],
    ["/home/ada/project/.ENV", ".env"],
    ["/home/ada/project/.env~", ".env"],
    ["/home/ada/id_rsa.pub", "id_rsa"],
    ["/home/ada/old.id_rsa", "id_rsa"],
    ["/home/ada/credentials.json", "credentials"],
    ["/home/ada/.claude/.credentials.json", "credentials"],
    ["/home/ada/server.private_key.pem", "private_key"],
    ["/home/ada/google.token.json", "token.json"],
    ["/home/ada/mail.gpg", ".gpg"],
    ["/home/ada/.Docker/config.json", ".docker"],
  ])("is found in %s", (path, name) => {
    expect(secretIn(path)).toBe(name);
  });

  it.each([
    "/home/ada/env",
    "/home/ada/.environment",
    "/home/ada/ssh",
    "/home/ada/mycredentials",
    "/home/ada/credentials-of-the-band",
    "/home/ada/docker",
    "/home/ada/tokens.json",
    "/home/ada/secrets of the sea.txt",
    "/",
    "",
  ])("is not found in %s", (path) => {
    expect(secretIn(path)).toBeUndefined();
  });

  it("is one of every name the owner was promised", () => {
    const promised =
      ".ssh .gnupg .aws .azure .gcloud .kube .docker .env .netrc .npmrc .pypirc id_rsa id_ed25519 credentials " +
      "private_key token.json secrets.json .gpg .secret .ssh-agent";

    expect(promised.split(" ").filter((name) => secretIn(`/home/ada/${name}`) === undefined)).toEqual([]);
  });

  it("is met wherever it stands in a path, with whatever follows behind a dot", () => {
    const part = fc.stringMatching(/^[a-z0-9]{1,8}$/);
    fc.assert(
      fc.property(
        fc.constantFrom(...SECRET_NAMES),
        fc.array(part),
        fc.array(part),
        fc.option(part),
        (name, before, behind, ending) => {
          const named = ending === null ? name : `${name}.${ending}`;
          expect(secretIn(["", ...before, named, ...behind].join("/"))).toBeDefined();
          expect(secretIn(["", ...before, named.toUpperCase(), ...behind].join("/"))).toBeDefined();
        },
      ),
    );
  });

  it("is never met by an empty name, which would meet everything", () => {
    expect(nameFinder([""])("/anything")).toBeUndefined();
    expect(nameFinder([])("/anything")).toBeUndefined();
  });

  it("may be the owner's own, in any spelling of its letters", () => {
    const find = nameFinder(["Tagebücher", "a+b"]);

    expect(find("/home/ada/TAGEBU\u0308CHER.old")).toBe("tagebücher");
    expect(find("/home/ada/a+b")).toBe("a+b");
    expect(find("/home/ada/aab")).toBeUndefined();
  });

  it("is harmless as a sample, or as the text of a program", () => {
    expect([".env.example", "credentials.py", "token.json.sample", "id_rsa.test.ts"].every(isHarmless)).toBe(
      true,
    );
    expect([".env", ".env.js", "credentials.json", "id_rsa", "credentials"].some(isHarmless)).toBe(false);
  });
});
