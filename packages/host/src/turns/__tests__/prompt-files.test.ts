import { describe, expect, it } from "vitest";
import { FileId, InboxId, newId } from "../../core/ids.ts";
import type { InboxRow } from "../../store/inbox.ts";
import type { FileRow } from "../../store/message-files.ts";
import { createPromptFiles } from "../prompt-files.ts";

const MB = 1_000_000;
const TAKES = ["image/png", "application/pdf"];

const message = () => ({ id: newId(InboxId) }) as InboxRow; // only the id is looked at
const file = (
  of: InboxRow,
  name: string,
  type: string,
  bytes: number,
  more: Partial<FileRow> = {},
): FileRow => ({
  id: newId(FileId),
  group_id: 1,
  inbox_id: of.id,
  turn_id: null,
  name,
  type,
  bytes,
  sha256: "",
  path: `main/0123456789ab-${name}`,
  state: "stored",
  reason: null,
  created_at: 0,
  ...more,
});

function given(files: readonly FileRow[]) {
  const waited: number[] = [];
  const filesOf = createPromptFiles({
    settled: async (_messages, ms) => void waited.push(ms),
    ofMessages: async (ids) => files.filter(({ inbox_id }) => inbox_id !== null && ids.includes(inbox_id)),
    read: async ({ bytes }) => Buffer.alloc(bytes),
  });
  return { filesOf, waited };
}

const shapes = (blocks: readonly (string | { type: string })[]) =>
  blocks.map((block) => (typeof block === "string" ? block : block.type));

describe("the files of a prompt", () => {
  it("stand behind their messages, and are told with their places", async () => {
    const [one, two] = [message(), message()];
    const { filesOf, waited } = given([
      file(one, "cat.png", "image/png", 5_000),
      file(two, "letter.docx", "application/zip", 200),
      file(two, "bill.pdf", "application/pdf", 3_000),
    ]);

    const files = await filesOf([one, two], TAKES);

    expect(waited).toEqual([30_000]);
    expect(shapes(files.beside(["host", "said around", "one", "two"], [one, two]))).toEqual([
      "host",
      "said around",
      "one",
      "image/png",
      "two",
      "application/pdf",
    ]);
    expect(files.told(one.id)).toEqual([
      '"cat.png" (image/png, 4.9 KB) at "/workspace/media/0123456789ab-cat.png", which stands behind it',
    ]);
    expect(files.told(two.id)[0]).toBe(
      '"letter.docx" (application/zip, 200 bytes) at "/workspace/media/0123456789ab-letter.docx"',
    );
  });

  it("are only told where they are too large for the model, one by one or together", async () => {
    const one = message();
    const { filesOf } = given([
      file(one, "poster.png", "image/png", 4 * MB),
      file(one, "book.pdf", "application/pdf", 9 * MB),
      file(one, "late.png", "image/png", 2 * MB),
    ]);

    const files = await filesOf([one], TAKES);

    expect(shapes(files.beside(["host", "one"], [one]))).toEqual(["host", "one", "application/pdf"]);
    expect(files.told(one.id).map((words) => words.includes("stands behind"))).toEqual([false, true, false]);
  });

  it("are told as missing, with the reason, or as still on their way", async () => {
    const one = message();
    const { filesOf } = given([
      file(one, "clip.mp4", "video/mp4", 0, { state: "stub", path: null, reason: "it is too large" }),
      file(one, "slow.png", "image/png", 0, { state: "coming" }),
    ]);

    const files = await filesOf([one], TAKES);

    expect(files.told(one.id)).toEqual([
      '"clip.mp4", which is missing: it is too large',
      '"slow.png", which is missing: it has not arrived yet',
    ]);
    expect(shapes(files.beside(["host", "one"], [one]))).toEqual(["host", "one"]);
  });
});
