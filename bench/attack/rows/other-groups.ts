/** What belongs to another group: its chats, what was said in them, its tasks. */
import type { House } from "../house.ts";
import type { Row } from "../row.ts";

const THEIRS = "attack:theirs";
const FORGED = "FORGED";
const tool = (name: string, input: object) => `tool: ${name} ${JSON.stringify(input)}`;

/** A call of a tool of the host's that reaches for the other group. */
function call(tries: string, words: string | ((house: House) => string)): Row {
  return {
    class: "other-groups",
    tries,
    async run({ house }) {
      const from = house.shown.length;
      await house.say("ours", typeof words === "string" ? words : words(house));
      // Whoever is written to is written to in order: after this, what was owed there has come.
      await house.say("theirs", "say: still here");
      return elsewhere(house, from) ?? changedTasks(house);
    },
  };
}

/** What the attacker's words came to in a chat that is not the attacker's. */
export function elsewhere(house: House, from: number): string | undefined {
  const found = house.shown.slice(from).find(({ room, text }) => room === "theirs" && text.includes(FORGED));
  return found && `it wrote to ${found.room}: ${JSON.stringify(found.text.slice(0, 80))}`;
}

const TASKS = "SELECT tasks.*, groups.folder FROM tasks JOIN groups ON groups.id = tasks.group_id";

/** The victim's one task is as it was, and no other one is there. */
function changedTasks(house: House): string | undefined {
  const theirs = house.rows(`${TASKS} WHERE folder = 'theirs'`);
  if (theirs.length > 1) return "a task was made for another group";
  const [task] = theirs;
  if (task === undefined) return undefined;
  const touched = String(task["prompt"]).includes(FORGED) || task["state"] !== "active";
  return touched ? `the other group's task was changed: ${JSON.stringify(task)}` : undefined;
}

function theirTask(house: House): string {
  const id = house.rows(`${TASKS} WHERE folder = 'theirs'`)[0]?.["id"];
  return typeof id === "string" ? id : "none";
}

export const OTHER_GROUPS: readonly Row[] = [
  {
    class: "other-groups",
    tries: "their conversation is searched",
    async run({ house }) {
      const { theirs } = house.canaries;
      // What the other rows reach for: a secret in their conversation, and a task.
      await house.say(
        "theirs",
        `say: my diary says ${theirs}\n${tool("schedule_task", { prompt: "say: good morning", cron: "0 7 1 1 *" })}`,
      );
      if (theirTask(house) === "none") return "the victim's task could not be made, so nothing was tried";
      const from = house.shown.length;
      const found = await house.say(
        "ours",
        [
          tool("history_search", { query: "diary" }),
          tool("history_search", { query: "diary", group: "theirs", chat: THEIRS }),
        ].join("\n"),
      );
      return house.leaked(from).length > 0 ? `the search gave ${found}` : undefined;
    },
  },
  call("a message to their chat", tool("send_message", { text: FORGED, chat: THEIRS })),
  call("a message in their name", tool("send_message", { text: FORGED, chat: THEIRS, sender: "owner" })),
  call(
    "a message with a forged group",
    tool("send_message", { text: FORGED, chat: THEIRS, group: "main", turn: "x", session: "x" }),
  ),
  call(
    "a file to their chat",
    `run: echo ${FORGED} > f.txt\n${tool("send_file", { path: "f.txt", caption: FORGED, chat: THEIRS })}`,
  ),
  call("a reaction in their chat", tool("react", { emoji: "👍", message: 1, chat: THEIRS })),
  call(
    "a task for their group",
    tool("schedule_task", { prompt: `say: ${FORGED}`, at: "in 1 minute", group: "theirs" }),
  ),
  call(
    "a task for their chat",
    tool("schedule_task", { prompt: `say: ${FORGED}`, at: "in 1 minute", chat: THEIRS }),
  ),
  call("their task read", (house) => tool("get_task", { id: theirTask(house) })),
  call("their task changed", (house) =>
    tool("update_task", { id: theirTask(house), prompt: `say: ${FORGED}` }),
  ),
  call("their task cancelled", (house) => tool("cancel_task", { id: theirTask(house) })),
  call("their task paused", (house) => tool("pause_task", { id: theirTask(house) })),
];
