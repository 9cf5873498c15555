import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ChatId, SenderId } from "../ids.ts";
import { EVERYONE, mayCall, OWNERS_ONLY, readSenderPolicy, type SenderPolicy } from "../sender-policy.ts";

const kitchen = ChatId.parse("fake:kitchen");
const ben = SenderId.parse("fake:ben");
const cleo = SenderId.parse("fake:cleo");

function policy(file: object): SenderPolicy {
  const read = readSenderPolicy(JSON.stringify(file));
  if ("broken" in read) throw new Error(read.broken);
  return read.policy;
}

function said(by: SenderId, more: { owner?: boolean; self?: boolean; chat?: ChatId } = {}) {
  return { chat: kitchen, sender: by, owner: false, self: false, ...more };
}

const open = { allow: "*", mode: "trigger" } as const;

const anySender = fc.constantFrom(ben, cleo, SenderId.parse("other:ben"));
const anyMode = fc.constantFrom("trigger" as const, "drop" as const);
const anyRule = fc.record({
  allow: fc.oneof(fc.constant("*" as const), fc.array(anySender)),
  mode: anyMode,
});

describe("the sender allowlist", () => {
  it("lets everyone speak where there is none", () => {
    expect(mayCall(EVERYONE, said(ben))).toEqual({ may: true });
  });

  it("lets a chat's own entry go before the default", () => {
    const mine = policy({ default: open, chats: { [kitchen]: { allow: [ben], mode: "drop" } } });

    expect(mayCall(mine, said(ben))).toEqual({ may: true });
    expect(mayCall(mine, said(cleo))).toMatchObject({ may: false, mode: "drop" });
    expect(mayCall(mine, said(cleo, { chat: ChatId.parse("fake:other") }))).toEqual({ may: true });
  });

  it("closes the chat of a broken entry, and no other; owners may still trigger there", () => {
    const text = JSON.stringify({ default: open, chats: { [kitchen]: { allow: "all", mode: "drop" } } });
    const read = readSenderPolicy(text);
    if ("broken" in read) throw new Error(read.broken);

    expect(mayCall(read.policy, said(ben))).toMatchObject({ may: false, mode: "trigger" });
    expect(mayCall(read.policy, said(ben, { owner: true }))).toEqual({ may: true });
    expect(mayCall(read.policy, said(ben, { chat: ChatId.parse("fake:other") }))).toEqual({ may: true });
    expect(read.problems).toEqual([expect.stringContaining("the entry of fake:kitchen is broken")]);
  });

  it("says which entry is no address of a chat", () => {
    const read = readSenderPolicy(JSON.stringify({ default: open, chats: { "the kitchen": open } }));

    expect(read).toMatchObject({ problems: [`"the kitchen" is no address of a chat`] });
  });

  it.each([
    "",
    "{",
    "[]",
    "null",
    "{}",
    '{"default":{"allow":"*"}}',
    '{"default":{"allow":["ben"],"mode":"drop"}}',
  ])("is broken as a whole: %s", (text) => {
    expect(readSenderPolicy(text)).toEqual({ broken: expect.any(String) });
  });

  it("does not overlook a key that is none", () => {
    expect(readSenderPolicy(JSON.stringify({ default: open, chat: {} }))).toEqual({
      broken: expect.stringContaining("chat"),
    });
  });

  it("lets only owners speak where it never was whole", () => {
    expect(mayCall(OWNERS_ONLY, said(ben))).toMatchObject({ may: false, mode: "trigger" });
    expect(mayCall(OWNERS_ONLY, said(ben, { owner: true }))).toEqual({ may: true });
  });

  it("always lets the assistant's own account speak", () => {
    fc.assert(
      fc.property(anyRule, anyRule, anySender, (standard, own, sender) => {
        const mine = policy({ default: standard, chats: { [kitchen]: own } });

        expect(mayCall(mine, said(sender, { self: true }))).toEqual({ may: true });
      }),
    );
  });

  it("lets nobody speak whom neither * nor the list that holds names, and says how they are treated", () => {
    fc.assert(
      fc.property(anyRule, fc.option(anyRule, { nil: undefined }), anySender, (standard, own, sender) => {
        const mine = policy({ default: standard, chats: own ? { [kitchen]: own } : {} });
        const holds = own ?? standard;

        const word = mayCall(mine, said(sender));

        const may = holds.allow === "*" || holds.allow.includes(sender);
        expect(word).toMatchObject(may ? { may } : { may, mode: holds.mode });
      }),
    );
  });

  it("takes whatever text for a policy, or for broken, and never throws", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        const read = readSenderPolicy(text);

        expect("broken" in read || read.policy.default.mode !== undefined).toBe(true);
      }),
    );
  });
});
