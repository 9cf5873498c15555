/** Servers that answer, and never come to the point: each call ends by itself, and says what is known of it. */
import { TemporaryError } from "@bellhop/sdk";
import { openTrickle } from "@bellhop/sdk/testing";
import { Readable } from "node:stream";
import { expect, it } from "vitest";
import { openMailbox } from "../src/imap.ts";
import { byPassword } from "../src/login.ts";
import { knock, submit } from "../src/smtp.ts";

const { signal } = new AbortController();
const PASSWORD = "secret";

const serverAt = (port: number) => ({
  host: "127.0.0.1",
  port,
  secure: false,
  plain: true,
  user: "bell@test.example",
});

it.each([
  ["its greeting", "* OK hel"],
  ["what it can do", "* OK hello\r\n* CAPABILITY "],
  ["a file that it says is there", "* OK hello\r\n* 1 FETCH (BODY[] {9000}\r\n"],
])("a mailbox is given up whose server does not come to an end of %s", async (_, said) => {
  await using server = await openTrickle(said);
  const access = {
    server: serverAt(server.port),
    login: byPassword(PASSWORD),
    pace: { connectMs: 200, callMs: 300 },
  };

  const opened = openMailbox(access, "INBOX", { readOnly: true }, signal);

  await expect(opened).rejects.toThrow(TemporaryError);
});

it.each([
  ["its greeting", "220-hel"],
  ["what it can do", "220 hello\r\n250-"],
  ["its word that it does not know that", "220 hello\r\n502"],
])("a mail can be sent later whose server does not come to an end of %s", async (_, said) => {
  await using server = await openTrickle(said);
  const access = {
    server: serverAt(server.port),
    login: byPassword(PASSWORD),
    pace: { connectMs: 200, answerMs: 300, laterMs: 1 },
    name: "test.example",
  };
  const envelope = { from: "bell@test.example", to: "ann@test.example" };

  await expect(submit(access, envelope, Readable.from("Hello"), signal)).rejects.toThrow(TemporaryError);
  await expect(knock(access, signal)).rejects.toThrow(TemporaryError);
});
