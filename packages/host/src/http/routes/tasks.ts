/** Tasks: making them, changing them, and what became of each of their times. They show prompts: `admin`. */
import { Hono } from "hono";
import type { z } from "zod";
import { NewTask, type Occurrence, type OpenedTask, TaskChange } from "../../core/task.ts";
import { NoTaskError } from "../../scheduler/no-task.ts";
import { readBody } from "../body.ts";
import type { HttpTasks } from "../host.ts";
import { requireScope, type HttpEnv } from "../identity.ts";
import { parseInput } from "../problem.ts";
import { type OccurrencePage, TaskHistoryQuery, type TaskList, TaskQuery } from "../schemas.ts";

export function createTaskRoutes({ tasks }: { readonly tasks: HttpTasks }) {
  const app = new Hono<HttpEnv>();

  app.get("/tasks", requireScope("admin"), async (c) => {
    const query = parseInput(TaskQuery, c.req.query());
    const found = await tasks.list(query);
    return c.json({ tasks: [...found] } satisfies z.input<typeof TaskList>);
  });

  app.post("/tasks", requireScope("admin"), async (c) => {
    const task = await readBody(c, NewTask);
    return c.json((await tasks.add(task)) satisfies OpenedTask, 201);
  });

  app.get("/tasks/:id", requireScope("admin"), async (c) => {
    const id = taskNamed(c.req.param("id"));
    return c.json((await tasks.show(id)) satisfies OpenedTask);
  });

  app.patch("/tasks/:id", requireScope("admin"), async (c) => {
    const id = taskNamed(c.req.param("id"));
    const change = await readBody(c, TaskChange);
    return c.json((await tasks.edit(id, change)) satisfies OpenedTask);
  });

  for (const act of ["pause", "resume", "cancel"] as const) {
    app.post(`/tasks/:id/${act}`, requireScope("admin"), async (c) => {
      const id = taskNamed(c.req.param("id"));
      return c.json((await tasks[act](id)) satisfies OpenedTask);
    });
  }

  app.post("/tasks/:id/run", requireScope("admin"), async (c) => {
    const id = taskNamed(c.req.param("id"));
    return c.json((await tasks.run(id)) satisfies Occurrence);
  });

  app.get("/tasks/:id/history", requireScope("admin"), async (c) => {
    const id = taskNamed(c.req.param("id"));
    const page = parseInput(TaskHistoryQuery, c.req.query());
    const { occurrences, more } = await tasks.history(id, page);
    return c.json({ occurrences: [...occurrences], more } satisfies z.input<typeof OccurrencePage>);
  });

  return app;
}

/** The beginning of an id is enough. What cannot begin one names no task, and never reaches a query. */
function taskNamed(id: string): string {
  if (/^[a-z0-9]{1,8}$/.test(id)) return id;
  throw new NoTaskError(id);
}
