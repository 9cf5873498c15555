/** Groups that are made, changed and removed while we run, and people with several ids. Only an admin may. */
import type { Context } from "hono";
import { Hono } from "hono";
import type { z } from "zod";
import { GroupChange } from "../../config/sections.ts";
import { given } from "../../core/given.ts";
import type { GroupFolder } from "../../core/ids.ts";
import type { GroupView } from "../../groups/views.ts";
import { readBody } from "../body.ts";
import type { HttpGroups, HttpPeople, HttpPerson } from "../host.ts";
import { requireScope, type HttpEnv } from "../identity.ts";
import { parseInput } from "../problem.ts";
import {
  type Accepted,
  type Group,
  GroupChats,
  type GroupList,
  GroupPath,
  NewGroup,
  NewLink,
  type Person,
  type PersonList,
  type RemovedGroup,
  SenderPath,
} from "../schemas.ts";

export interface GroupRoutesDeps {
  readonly groups: HttpGroups;
  readonly people: HttpPeople;
}

export function createGroupRoutes({ groups, people }: GroupRoutesDeps) {
  const app = new Hono<HttpEnv>();

  app.get("/groups", requireScope("admin"), async (c) =>
    c.json({ groups: (await groups.list()).map(shown) } satisfies z.input<typeof GroupList>),
  );

  app.post("/groups", requireScope("admin"), async (c) =>
    c.json(shown(await groups.add(await readBody(c, NewGroup))), 201),
  );

  app.get("/groups/:group", requireScope("admin"), async (c) =>
    c.json(shown(await groups.show(groupParam(c)))),
  );

  app.patch("/groups/:group", requireScope("admin"), async (c) => {
    const change = await readBody(c, GroupChange);
    return c.json(shown(await groups.edit(groupParam(c), change)));
  });

  app.delete("/groups/:group", requireScope("admin"), async (c) => {
    const { chats, ...removed } = await groups.remove(groupParam(c));
    return c.json({ ...removed, chats: [...chats] } satisfies z.input<typeof RemovedGroup>);
  });

  app.post("/groups/:group/chats", requireScope("admin"), async (c) => {
    const group = groupParam(c);
    const { chats } = await readBody(c, GroupChats);
    await groups.bind(chats, group);
    return c.json(shown(await groups.show(group)));
  });

  app.get("/people", requireScope("admin"), async (c) =>
    c.json({ people: (await people.list()).map(named) } satisfies z.input<typeof PersonList>),
  );

  app.post("/people", requireScope("admin"), async (c) => {
    const { senders, name } = await readBody(c, NewLink);
    return c.json(named(await people.link(senders, name)), 201);
  });

  app.delete("/people/:sender", requireScope("admin"), async (c) => {
    const { sender } = parseInput(SenderPath, c.req.param());
    await people.unlink(sender);
    return c.json({ accepted: true } satisfies z.input<typeof Accepted>);
  });

  return app;
}

function groupParam(c: Context): GroupFolder {
  return parseInput(GroupPath, { group: c.req.param("group") }).group;
}

const shown = ({ settings, chosen, chats, ...group }: GroupView) =>
  ({ ...group, settings: given(settings), chosen: given(chosen), chats: [...chats] }) satisfies z.input<
    typeof Group
  >;

const named = ({ name, senders, owner }: HttpPerson) =>
  ({ name, senders: [...senders], owner }) satisfies z.input<typeof Person>;
