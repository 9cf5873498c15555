import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { openLedger } from "../ledger.ts";

const ANN = "ann@example.org";
const mail = (id: string, references: readonly string[] = [], subject = "Dinner") => ({
  correspondent: ANN,
  id,
  references,
  subject,
});

function given() {
  const ledger = openLedger(":memory:");
  onTestFinished(() => ledger.close());
  return ledger;
}

describe("the ledger of threads", () => {
  it("knows a thread by its first mail, and by any of its mails that a client kept", () => {
    const ledger = given();
    const chat = ledger.note(mail("1@a"));

    expect(ledger.note(mail("2@a", ["1@a"]))).toBe(chat);
    expect(ledger.note(mail("3@a", ["2@a"]))).toBe(chat);
    expect(ledger.note(mail("4@a"))).not.toBe(chat);
    expect(chat).toMatch(/^ann@example\.org:[0-9a-f]{16}$/);
  });

  it("keeps the subject of the beginning, and the ids in their order", () => {
    const ledger = given();
    const chat = ledger.note(mail("1@a"));
    ledger.note(mail("2@a", ["1@a"], "Another subject"));
    ledger.note(mail("2@a", ["1@a"]));

    expect(ledger.thread(chat)).toEqual({ subject: "Dinner", references: ["1@a", "2@a"] });
  });

  it("keeps the first id and the last ones of a long thread", () => {
    const ledger = given();
    const chat = ledger.note(mail("0@a"));
    for (let n = 1; n < 50; n += 1) ledger.note(mail(`${n}@a`, [`${n - 1}@a`]));

    const { references = [] } = ledger.thread(chat) ?? {};
    expect([references.length, references[0], references.at(-1)]).toEqual([20, "0@a", "49@a"]);
  });

  it("lets nobody into the thread of another", () => {
    const ledger = given();
    ledger.note(mail("1@a"));

    expect(ledger.note({ ...mail("2@b", ["1@a"]), correspondent: "ben@example.org" })).toMatch(/^ben@/);
  });

  it("survives a restart", () => {
    const folder = mkdtempSync(join(tmpdir(), "bellhop-ledger-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const first = openLedger(join(folder, "threads.db"));
    const chat = first.note(mail("1@a"));
    const since = first.since(1_000);
    first.close();

    const second = openLedger(join(folder, "threads.db"));
    onTestFinished(() => second.close());
    expect([second.thread(chat)?.subject, second.since(2_000)]).toEqual(["Dinner", since]);
  });
});
