/** Following events: of one chat, or of all. */
import { Hono, type Context } from "hono";
import type { EventBus } from "../../core/events.ts";
import type { ChatEvent, EventId } from "../../core/events.ts";
import type { ChatId } from "../../core/ids.ts";
import { frame, type EventStreams } from "../event-stream.ts";
import { follow } from "../follow.ts";
import type { HttpChats, HttpLive, HttpTimeline } from "../host.ts";
import { requireScope, vouchedBy, type HttpEnv } from "../identity.ts";
import { parseInput } from "../problem.ts";
import { FollowQuery } from "../schemas.ts";
import { chatParam } from "./chats.ts";

export interface EventRoutesDeps {
  readonly bus: EventBus;
  readonly chats: HttpChats;
  readonly timeline: HttpTimeline;
  readonly live: HttpLive;
  readonly streams: EventStreams;
}

export function createEventRoutes({ bus, timeline, live, streams }: EventRoutesDeps) {
  const app = new Hono<HttpEnv>();

  async function respond(c: Context<HttpEnv>, chat: ChatId | undefined) {
    const after = await startOf(c, timeline);
    return streams.respond({
      follow: () => follow({ bus, timeline, live, chat, liveChat: chat, after }),
      encode,
      vouchedBy: vouchedBy(c),
    });
  }

  app.get("/events", requireScope("read"), (c) => respond(c, undefined));
  // The chat need not exist yet: a client may listen first and write then.
  app.get("/chats/:chat/events", requireScope("read"), (c) => respond(c, chatParam(c)));

  return app;
}

/** Where a client wants to go on: a browser that comes back says it by header, others may by query. */
export async function startOf(c: Context, timeline: HttpTimeline): Promise<EventId> {
  const said = c.req.header("last-event-id") || c.req.query("after");
  return parseInput(FollowQuery, { after: said }).after ?? (await timeline.latest());
}

function encode(event: ChatEvent): string {
  return frame({ event: event.type, id: "id" in event ? event.id : undefined, data: event });
}
