/**
 * The whole life of turns as a machine: whatever order people, the engine's program, the model's service,
 * the clock and the host's own death come in, every message ends in exactly one turn, and nobody waits
 * for ever or hears something twice.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { FailureClass } from "../engine.ts";
import type { ScriptedEngine, ScriptedSession } from "../testing.ts";
import { middle, MINUTE, SECOND, settled } from "./middle.ts";

type House = Awaited<ReturnType<typeof middle>>;

const CHATS = ["web:kitchen", "web:garden"] as const;
const CLASSES = [
  "transient",
  "rate_limited",
  "auth",
  "permanent",
  "refused",
  "overflow",
  "stale_position",
  "stale_session",
  "resource",
  "crashed",
] as const satisfies readonly FailureClass[];

type Step =
  | { readonly do: "write" | "stop"; readonly chat: (typeof CHATS)[number] }
  | { readonly do: "take" | "say" | "call" | "finish" | "wakes" | "die" | "restart" }
  | { readonly do: "fail"; readonly class: FailureClass; readonly seen: boolean }
  | { readonly do: "wait"; readonly ms: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("write" as const), chat: fc.constantFrom(...CHATS) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("stop" as const), chat: fc.constantFrom(...CHATS) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constantFrom("take" as const, "say" as const, "call" as const, "finish" as const),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom("wakes" as const, "die" as const, "restart" as const) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("fail" as const),
      class: fc.constantFrom(...CLASSES),
      seen: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("wait" as const),
      ms: fc.constantFrom(100, 5 * SECOND, MINUTE, 11 * MINUTE),
    }),
  },
);

/** Programs that are in the middle of an answer. */
const busy = ({ sessions }: ScriptedEngine) => sessions.filter(({ answering }) => answering);

function take(session: ScriptedSession): void {
  session.emit({ type: "consumed", prompts: session.prompts.map(({ id }) => id) });
}

async function act(house: House, queue: "steer" | "queue" | "interrupt", one: Step): Promise<House> {
  const [session] = busy(house.engine);
  switch (one.do) {
    case "write":
      await house.says(one.chat, "hello");
      break;
    case "stop": {
      const rows = await house.db
        .selectFrom("sessions")
        .select("id")
        .where("scope_key", "=", one.chat)
        .execute();
      for (const { id } of rows) await house.dispatcher.stop(id, "stopped");
      break;
    }
    case "take":
      if (session) take(session);
      break;
    case "say":
      session?.emit({ type: "delta", text: "so" }, { type: "reply", text: "so" });
      break;
    case "call":
      session?.emit({ type: "activity", tool: "Bash" });
      break;
    case "finish":
      session?.answer("soup", "entry");
      break;
    case "wakes":
      // Work has ended in a warm sandbox, and its engine goes on by itself.
      house.engine.sessions
        .find(({ closed, answering, prompts }) => !closed && !answering && prompts.length > 0)
        ?.emit({ type: "background", running: 0, ended: "a build" });
      break;
    case "die":
      session?.die("gone");
      break;
    case "fail":
      for (const door of house.broker.doors)
        door.failure = one.seen ? { class: one.class, detail: "…" } : undefined;
      session?.fail({ class: one.class, detail: "…" });
      break;
    case "wait":
      await house.advance(one.ms);
      break;
    case "restart": {
      const next = await middle({ after: house, queue });
      await next.dispatcher.sweep();
      house = next;
      break;
    }
    default:
      one satisfies never;
  }
  await settled();
  return house;
}

/** From here on everything works. */
async function calm(house: House): Promise<void> {
  for (let i = 0; i < 60; i += 1) {
    for (const door of house.broker.doors) door.failure = undefined;
    for (const session of busy(house.engine)) {
      take(session);
      session.answer("soup", "entry");
    }
    await house.advance(11 * MINUTE);
  }
}

describe("the life of turns", () => {
  it.each(["steer", "queue", "interrupt"] as const)(
    "gives every message to exactly one turn, whatever happens: %s",
    async (queue) => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
          let house = await middle({ queue });
          for (const one of steps) house = await act(house, queue, one);
          await calm(house);

          const messages = await house.db.selectFrom("inbox").selectAll().orderBy("seq").execute();
          const turns = await house.turnRows();
          const owed = await house.db.selectFrom("outbox").selectAll().execute();
          expect(messages.map(({ state }) => state)).toEqual(messages.map(() => "done"));
          for (const turn of turns) {
            expect(["done", "failed", "cancelled"]).toContain(turn.state);
            expect(turn.held_for).toBeNull();
            const own = messages.filter(({ turn_id }) => turn_id === turn.id);
            expect(own.map(({ chat_id }) => chat_id)).toEqual(own.map(() => turn.chat_id));
            const said = owed.filter(
              ({ turn_id, key }) => turn_id === turn.id && !/:(held|waiting|afresh|bare)$/.test(key),
            );
            // One answer or one notice; a turn that was stopped says nothing of its own.
            expect(said).toHaveLength(turn.state === "cancelled" ? 0 : 1);
          }
          expect(owed.map(({ state }) => state)).toEqual(owed.map(() => "sent"));
          for (const chat of CHATS) {
            const ofChat = messages.filter(({ chat_id }) => chat_id === chat).map(({ turn_id }) => turn_id);
            const changes = ofChat.filter((turn, index) => turn !== ofChat[index - 1]);
            expect(changes).toHaveLength(new Set(ofChat).size); // in order: no turn comes twice
          }
        }),
        { numRuns: 40 },
      );
    },
    120_000,
  );
});
