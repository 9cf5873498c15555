/** What stands in the world, as Discord says it. */
import type { PeerPerson } from "@bellhop/sdk/testing";
import type { FakeChannel, FakeMessage, World } from "./world.ts";

export function userJson({ id, name, bot = false }: PeerPerson) {
  return { id, username: name.toLowerCase(), global_name: name, discriminator: "0", avatar: null, bot };
}

export function ourJson({ bot }: World) {
  return { id: bot.id, username: bot.name, global_name: null, discriminator: "0", avatar: null, bot: true };
}

export function channelJson({ id, type, name, guild, parent, person }: FakeChannel) {
  if (type === 1) return { id, type, recipients: person ? [userJson(person)] : [], last_message_id: null };
  return { id, type, name, guild_id: guild, parent_id: parent ?? null, last_message_id: null };
}

/** As history has it; the gateway adds where it is. */
export function messageJson(world: World, channel: FakeChannel, message: FakeMessage) {
  const { id, from, text, replyTo, file, also, editedAt, ours, buttons } = message;
  const answered = replyTo === undefined ? undefined : channel.messages.get(replyTo);
  const mentioned = [
    ...(text.includes(`<@${world.bot.id}>`) ? [ourJson(world)] : []),
    ...[...world.people.values()].filter((one) => text.includes(`<@${one.id}>`)).map(userJson),
  ];
  return {
    id,
    channel_id: channel.id,
    author: from === "us" ? ourJson(world) : userJson(from),
    type: replyTo === undefined ? 0 : 19,
    content: text,
    timestamp: new Date(Number((BigInt(id) >> 22n) + 1_420_070_400_000n)).toISOString(),
    edited_timestamp: editedAt ?? null,
    tts: false,
    mention_everyone: false,
    mentions: mentioned,
    mention_roles: [...text.matchAll(/<@&(\d+)>/g)].map(([, role]) => role),
    attachments: file
      ? [{ id, filename: file.name, size: file.content.length, content_type: file.type, url: file.url }]
      : [],
    embeds: [],
    components: buttons?.map(({ id: custom_id, label }) => ({ type: 2, custom_id, label })) ?? [],
    reactions: [...ours].map((name) => ({ emoji: { id: null, name }, count: 1, me: true })),
    ...(replyTo === undefined
      ? {}
      : {
          message_reference: { type: 0, message_id: replyTo, channel_id: channel.id },
          referenced_message: answered ? messageBeside(world, channel, answered) : null,
        }),
    ...also,
  };
}

function messageBeside(world: World, channel: FakeChannel, answered: FakeMessage): object {
  return messageJson(world, channel, { ...answered, replyTo: undefined });
}
