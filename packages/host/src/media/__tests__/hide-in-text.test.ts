import { describe, expect, it } from "vitest";
import { createKnownSecrets, HIDDEN } from "../../core/known-secrets.ts";
import { hideInText, MOST_TEXT } from "../hide-in-text.ts";

const KEY = "canary-0123456789";
const secrets = createKnownSecrets([{ name: "A_KEY", value: KEY }]);

async function sent(...pieces: readonly Uint8Array[]): Promise<Buffer> {
  async function* source() {
    yield* pieces;
  }
  const out: Uint8Array[] = [];
  for await (const piece of hideInText(source(), secrets)) {
    if (!(piece instanceof Uint8Array)) throw new TypeError("bytes became something else");
    out.push(piece);
  }
  return Buffer.concat(out);
}

describe("a file that an agent sends", () => {
  it("leaves without secrets, wherever its text was cut", async () => {
    const [begin, end] = [Buffer.from(`key: ${KEY.slice(0, 5)}`), Buffer.from(`${KEY.slice(5)}\n`)];

    expect((await sent(begin, end)).toString()).toBe(`key: ${HIDDEN}\n`);
  });

  it("is as it was where it is no text", async () => {
    const picture = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 1, 2, 0xff]);
    const latin1 = Buffer.from(`caf\xe9 ${KEY}`, "latin1");

    expect(await sent(picture)).toEqual(picture);
    expect(await sent(latin1)).toEqual(latin1);
    expect(await sent()).toEqual(Buffer.alloc(0));
  });

  it("is as it was where it is larger than is gone through", async () => {
    const large = Buffer.alloc(MOST_TEXT, "a");

    expect((await sent(large, Buffer.from("b"))).length).toBe(MOST_TEXT + 1);
  });
});
