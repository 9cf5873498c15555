import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createPeople, type People } from "../people.ts";
import { openStore, type Store } from "../store.ts";

const PHONE = "49151@s.whatsapp.net";
const LID = "770@lid";

let folder: string;
let store: Store;
let people: People;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "bellhop-people-"));
  store = openStore(folder, 1);
  people = createPeople(store);
});
afterEach(async () => {
  store.close();
  await rm(folder, { recursive: true });
});

describe("somebody on WhatsApp", () => {
  it("is their number, where it is known when they first come", () => {
    expect(people.idOf({ jid: LID, alt: PHONE })).toBe("49151");
    expect(people.idOf({ jid: LID })).toBe("49151");
    expect(people.idOf({ jid: PHONE })).toBe("49151");
  });

  it("stays who they were, whatever is learnt later, and is reached by the number then", () => {
    expect(people.idOf({ jid: LID, name: "Ann" })).toBe(LID);
    expect(people.jidOf(LID)).toBe(LID);
    people.idOf({ jid: PHONE, alt: LID });

    expect(people.idOf({ jid: PHONE })).toBe(LID);
    expect(people.jidOf(LID)).toBe(PHONE);
    expect(people.nameOf(LID)).toBe("Ann");
  });

  it("is their number from then on, where both came before anybody said that they are one", () => {
    people.idOf({ jid: LID, name: "Ann" });
    people.idOf({ jid: PHONE });
    people.idOf({ jid: PHONE, alt: LID });

    expect([people.idOf({ jid: LID }), people.idOf({ jid: PHONE })]).toEqual(["49151", "49151"]);
    expect(people.nameOf("49151")).toBe("Ann");
    expect(people.jidOf(LID)).toBe(LID);
  });

  it("is the same on each of their devices, and goes by their newest name", () => {
    people.idOf({ jid: "49151:3@s.whatsapp.net", name: "Ann" });
    people.idOf({ jid: "49151_1:4@s.whatsapp.net", name: "Anna" });
    people.idOf({ jid: PHONE, name: "" });

    expect(people.nameOf("49151")).toBe("Anna");
  });

  it.each(["1-2@g.us", "status@broadcast", "", "49151", "../x@lid"])('is not "%s"', (jid) => {
    expect(people.jidOf(jid) === undefined || jid === "49151").toBe(true);
    expect(people.isKnown(jid)).toBe(false);
  });
});
