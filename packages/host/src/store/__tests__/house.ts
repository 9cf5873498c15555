/** The store over a database in memory, with a clock that stands still. */
import { onTestFinished } from "vitest";
import { ChatId, GroupFolder, MAIN, SenderId } from "../../core/ids.ts";
import { fakeClock } from "../../core/testing.ts";
import { createChats } from "../chats.ts";
import { openDatabase } from "../database.ts";
import { createInbox, type Judged, type NewMessage } from "../inbox.ts";
import { migrate } from "../migrate.ts";
import { migrations } from "../migrations/index.ts";
import { createOutbox } from "../outbox.ts";
import { scopeOf, type Session } from "../sessions.ts";
import { createTimeline } from "../timeline.ts";
import type { Claim } from "../claims.ts";
import { createTurns } from "../turns.ts";

export async function house({ path = ":memory:" }: { path?: string } = {}) {
  const clock = fakeClock();
  const { db, close } = await openDatabase(path, { clock });
  onTestFinished(close);
  await migrate(db, { migrations, clock });
  const chats = createChats(db, clock);
  await chats.ensureGroup(MAIN);
  await chats.ensureGroup(GroupFolder.parse("family"));
  const speaks: { engine: Session["engine"]; provider: string } = { engine: "claude", provider: "test" };
  const turnsOf = (boot: string) =>
    createTurns(db, {
      clock,
      boot,
      modelOf: () => "a-model",
      speaks: () => speaks,
      contextOf: () => ({ messages: 50, tokens: 8_000 }),
    });
  const turns = turnsOf("this boot");
  const inbox = createInbox(db, clock, ({ id, folder }) => ({ scope: scopeOf(id, folder), ...speaks }));
  return {
    clock,
    db,
    close,
    chats,
    /** Which engine and provider a new message is for. */
    speaks,
    inbox: { ...inbox, accept: (one: TestMessage) => inbox.accept(one, one.group) },
    outbox: createOutbox(db, clock),
    timeline: createTimeline(db),
    turns,
    turnsOf,

    /** The claim that must be there now. */
    async claimed(session: Claim["session"]["id"] | undefined, of = turns): Promise<Claim> {
      const claim = session && (await of.claim(session));
      if (!claim || "notBefore" in claim) throw new Error("there is no turn to claim");
      return claim;
    },

    inputs: () => db.selectFrom("inbox").selectAll().orderBy("seq").execute(),
    owed: () => db.selectFrom("outbox").selectAll().orderBy("seq").execute(),
  };
}

export type House = Awaited<ReturnType<typeof house>>;

let count = 0;

/** With the group that its chat is bound to if it is new. */
export type TestMessage = NewMessage & { readonly group: GroupFolder };

export function message(text: string, more: Partial<TestMessage & Judged> = {}): TestMessage {
  const {
    verdict = "admitted",
    reason = "test",
    role = "owner",
    tainted = false,
    context,
    command,
    ...rest
  } = more;
  count += 1;
  return {
    chat: ChatId.parse("web:kitchen"),
    group: MAIN,
    platformId: `message-${count}`,
    kind: "message",
    version: 0,
    sender: { id: SenderId.parse("web:ada"), name: "Ada" },
    text,
    judge: () => ({ verdict, reason, role, tainted, context, command }),
    ...rest,
  };
}
