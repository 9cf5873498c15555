/** The way out: from what is owed to what people see, files, notices, typing and growing answers included. */
import type { Channel } from "@bellhop/sdk";
import { Readable } from "node:stream";
import { createKnownChannels } from "../channels/known.ts";
import { createLocalChannel } from "../channels/local.ts";
import { type ChatId, MAIN } from "../core/ids.ts";
import { createMedia } from "../media/media.ts";
import { createAnswers } from "../outbox/answers.ts";
import { createDelivery } from "../outbox/deliver.ts";
import { createNotices } from "../outbox/notices.ts";
import { createOutboundHooks } from "../outbox/outbound-hooks.ts";
import { createPresence } from "../outbox/presence.ts";
import { createSpeaker } from "../outbox/speaker.ts";
import { createStreaming } from "../outbox/streaming.ts";
import { createFiles } from "../store/files.ts";
import type { Ground } from "./ground.ts";
import type { Hooks } from "./hooks.ts";
import type { Records } from "./records.ts";

const MiB = 1024 * 1024;

export type WayOut = Awaited<ReturnType<typeof openWayOut>>;

/** @param platforms beside the owner's own desk, which is always there */
export async function openWayOut(
  { config, paths, clock, random, log, bus, db, secrets, stopSwitch, opened }: Ground,
  { chats, outbox, turns, settings }: Records,
  platforms: readonly Channel[],
  hooks: Hooks,
) {
  const fileBytes = config.limits.fileMb * MiB;
  const channels = createKnownChannels([
    createLocalChannel("web", fileBytes),
    createLocalChannel("terminal", fileBytes),
    ...platforms,
  ]);
  const channelOf = channels.of;
  const deliver = (chat: ChatId) => delivery.wake(chat);

  const media = createMedia({
    root: paths.media,
    files: createFiles(db, clock),
    limits: { fileBytes, groupBytes: config.limits.mediaMb * MiB },
    deliver,
    clock,
    random,
    log,
  });
  opened.defer(media.close);
  const notices = createNotices({ outbox, chats, chat: config.notices, deliver, log });
  hooks.tellBy(notices);
  const outbound = createOutboundHooks({
    calls: hooks.calls,
    outbox,
    groupOf: async (chat) => (await chats.find(chat))?.folder,
    secrets,
    sizeOf: (chat) => answers.sizeOf(chat),
  });
  const delivery = createDelivery({
    hooks: outbound,
    outbox,
    channelOf,
    fileOf: media.outbound,
    secrets,
    speaker: createSpeaker(async (chat) => {
      const known = await chats.find(chat);
      return settings(known?.folder ?? MAIN).assistant;
    }),
    notices,
    bus,
    hold: stopSwitch.hold,
    clock,
    random,
    log,
  });
  opened.defer(delivery.close);
  await media.recover();

  const answers = createAnswers({
    channelOf,
    mostParts: config.limits.parts,
    async storeText({ turn, chat }, name, text) {
      const bytes = Readable.from([Buffer.from(text)]);
      return (await media.receive({ groupId: chat.group_id, turn, name }, bytes)).id;
    },
    turns,
    log,
  });
  const presence = createPresence({ delivery, channelOf, turns, bus, clock, log });
  opened.defer(presence.close);
  const { mayGrow } = outbound;
  const abilitiesOf = (chat: ChatId) => channelOf(chat)?.abilities;
  const streaming = createStreaming({
    bus,
    turns,
    outbox,
    delivery,
    answers,
    abilitiesOf,
    mayGrow,
    clock,
    log,
  });
  opened.defer(streaming.close);
  return { channels, channelOf, media, notices, delivery, answers, presence, streaming, mayGrow };
}
