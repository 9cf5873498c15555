/** Tasks and what became of them. */
import { NewTask, Occurrence, OpenedTask, TaskChange } from "../../core/task.ts";
import { Problem } from "../problem.ts";
import { OccurrencePage, TaskList } from "../schemas.ts";
import { text, limit, task, NO_TASK, SEVERAL, type Operation } from "./operation.ts";

export const TASKS: readonly Operation[] = [
  {
    method: "get",
    path: "/api/v1/tasks",
    summary: "The tasks",
    description: "Those that are active or paused; with `all` also those that are done or cancelled.",
    access: "admin",
    parameters: [
      { name: "group", in: "query", description: "Only those of this group.", schema: text },
      { name: "all", in: "query", schema: { type: "boolean", default: false } },
    ],
    answers: { 200: { description: "The tasks.", schema: TaskList } },
  },
  {
    method: "post",
    path: "/api/v1/tasks",
    summary: "A new task",
    description:
      "Exactly one of `cron`, `every` and `at`, and a `prompt` or a `script`; the rest has defaults. See docs/tasks.md.",
    access: "admin",
    body: NewTask,
    answers: {
      201: { description: "The task, with its next times.", schema: OpenedTask },
      409: { description: "It cannot be, and why.", schema: Problem },
    },
  },
  {
    method: "get",
    path: "/api/v1/tasks/{id}",
    summary: "One task, with what people want to know of it",
    access: "admin",
    parameters: [task],
    answers: {
      200: { description: "With its next times and its latest runs.", schema: OpenedTask },
      404: NO_TASK,
      409: SEVERAL,
    },
  },
  {
    method: "patch",
    path: "/api/v1/tasks/{id}",
    summary: "Change a task",
    description: "What is not named stays as it is; null takes away. It keeps its id and its history.",
    access: "admin",
    parameters: [task],
    body: TaskChange,
    answers: {
      200: { description: "The task as it is now.", schema: OpenedTask },
      404: NO_TASK,
      409: SEVERAL,
    },
  },
  {
    method: "post",
    path: "/api/v1/tasks/{id}/pause",
    summary: "Pause a task",
    description: "Until it is resumed it does not run by its schedule.",
    access: "admin",
    parameters: [task],
    answers: { 200: { description: "It is paused.", schema: OpenedTask }, 404: NO_TASK, 409: SEVERAL },
  },
  {
    method: "post",
    path: "/api/v1/tasks/{id}/resume",
    summary: "Go on with a paused task",
    description: "From now on; nothing is made up for.",
    access: "admin",
    parameters: [task],
    answers: { 200: { description: "It goes on.", schema: OpenedTask }, 404: NO_TASK, 409: SEVERAL },
  },
  {
    method: "post",
    path: "/api/v1/tasks/{id}/cancel",
    summary: "End a task for good",
    description: "Its history is kept for a while.",
    access: "admin",
    parameters: [task],
    answers: { 200: { description: "It is cancelled.", schema: OpenedTask }, 404: NO_TASK, 409: SEVERAL },
  },
  {
    method: "post",
    path: "/api/v1/tasks/{id}/run",
    summary: "Run a task now",
    description: "Beside its schedule, which stays as it is.",
    access: "admin",
    parameters: [task],
    answers: {
      200: { description: "The run, which waits for its turn.", schema: Occurrence },
      404: NO_TASK,
      409: { description: "It names several tasks, or a run of it is open.", schema: Problem },
    },
  },
  {
    method: "get",
    path: "/api/v1/tasks/{id}/history",
    summary: "What became of each of its times",
    access: "admin",
    parameters: [
      task,
      {
        name: "before",
        in: "query",
        description: "Only those that stand after this one in the list.",
        schema: text,
      },
      limit,
    ],
    answers: { 200: { description: "Newest first.", schema: OccurrencePage }, 404: NO_TASK, 409: SEVERAL },
  },
];
