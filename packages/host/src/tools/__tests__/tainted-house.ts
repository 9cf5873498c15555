/** A live turn of `main` that has read something from outside, and its agent's hand on the tools. */
import type { Kysely } from "kysely";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { onTestFinished } from "vitest";
import type { Clock } from "../../core/clock.ts";
import { silentLog } from "../../log.ts";
import { createMedia } from "../../media/media.ts";
import { createFiles } from "../../store/files.ts";
import type { Database } from "../../store/tables.ts";
import type { ToolFiles } from "../tool-files.ts";
import type { ToolParts } from "../tool.ts";
import { chatAddress, ChatId } from "../../core/ids.ts";
import { ApprovalId } from "../../core/trust.ts";
import type { TriggerSettings } from "../../core/trigger.ts";
import { createLocalChannel } from "../../channels/local.ts";
import { middle, settled } from "../../turns/__tests__/middle.ts";
import type { ToolResult } from "../../turns/engine.ts";

export const OWNER = { who: "the owner", owner: true };
const FILE_BYTES = 1_000;
const channels = ["web", "terminal", "telegram"].map((name) => ({
  ...createLocalChannel("web", FILE_BYTES),
  name,
}));

/** Every file that the agent sends has the same in it. */
async function filesHere() {
  const root = await mkdtemp(join(tmpdir(), "bellhop-sent-"));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  await mkdir(join(root, ".incoming"));
  return (db: Kysely<Database>, clock: Clock): ToolFiles => {
    const { receive, drop, close } = createMedia({
      root,
      files: createFiles(db, clock),
      limits: { fileBytes: FILE_BYTES, groupBytes: 1_000 * FILE_BYTES },
      deliver: () => undefined,
      clock,
      random: () => 0.5,
      log: silentLog,
    });
    onTestFinished(close);
    return {
      pull: async (_claim, _path, take) => await take(Readable.from([Buffer.from("a page")])),
      receive,
      drop,
    };
  };
}

export async function house(
  options: Pick<TriggerSettings, "trigger"> = { trigger: "auto" },
  plugins: ToolParts["plugins"] = { active: () => [] },
) {
  const middles = await middle({ channels, trigger: options, files: await filesHere(), plugins });
  await middles.bind("web:kitchen", "main");
  await middles.bind("web:office", "main");
  await middles.bind("web:garden", "garden");
  await middles.bind("telegram:-100", "main");
  let uses = 0;
  /** Calls that may wait for somebody until the test ends. */
  const begun: Promise<unknown>[] = [];
  onTestFinished(async () => {
    middles.trust.questions.close();
    await Promise.all(begun);
  });
  function begin(name: string, input: unknown, toolUseId = `use-${(uses += 1)}`): Promise<ToolResult> {
    const tool = middles.engine.latest.opened.tools.find((one) => one.name === name);
    if (!tool) throw new Error(`there is no tool ${name}`);
    const result = tool.call(input, { toolUseId });
    begun.push(result);
    return result;
  }

  return {
    ...middles,

    async call(name: string, input: unknown, toolUseId = `use-${(uses += 1)}`): Promise<ToolResult> {
      const result = await begin(name, input, toolUseId);
      await settled();
      return result;
    },

    /** Without waiting for whoever it waits for. */
    begin,

    /** Somebody who is no owner writes in a chat of a platform. */
    async hears(chat: string, text: string, sender = "ben", more: { replyTo?: string; file?: string } = {}) {
      const { channel: name, account, native } = chatAddress(ChatId.parse(chat));
      await middles.admission.receive(
        { name, account },
        {
          platformId: crypto.randomUUID(),
          kind: "message",
          version: 0,
          chat: native,
          sender: { id: sender, name: sender },
          text,
          replyTo: more.replyTo,
          ...(more.file !== undefined && {
            files: [{ name: more.file, open: () => Promise.reject(new Error("nobody fetches here")) }],
          }),
        },
      );
      await settled();
    },

    /** What comes in otherwise, through the broker. */
    async reads(cause = "a web page of example.com"): Promise<void> {
      const [turn] = middles.dispatcher.running();
      if (!turn) throw new Error("no turn is under way");
      await middles.trust.taint.mark(turn.claim.session.id, cause);
    },

    async answers(how: "once" | "deny", which = 0): Promise<void> {
      const card = middles.trust.cards[which];
      if (!card) throw new Error("nobody was asked");
      await middles.trust.powers.decide([ApprovalId.parse(card.id)], how, OWNER);
      await settled();
    },

    audited: async () => {
      const rows = await middles.db.selectFrom("audit").selectAll().orderBy("id").execute();
      return rows.map(({ action, subject, allowed, detail }) => ({ action, subject, allowed, detail }));
    },
  };
}

/** The same, with a live turn of the chat whose agent has just read a web page. */
export async function tainted(chat = "web:kitchen") {
  const inside = await house();
  await inside.says(chat, "look it up");
  await inside.reads();
  return inside;
}
