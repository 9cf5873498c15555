/** What plugins may ask of the host, joined to what does it. */
import { may, type PluginProcesses, type Plugins, type ServePlugin } from "../core/plugin.ts";
import type { Status } from "../core/status.ts";
import type { HttpPlugins } from "../http/routes/plugins.ts";
import { chatsInScope } from "../plugins/powers/power.ts";
import { createPowers } from "../plugins/powers/powers.ts";
import type { Actor, TaskPowers } from "../scheduler/desk.ts";
import { createPluginState } from "../store/plugin-state.ts";
import type { Ground } from "./ground.ts";
import type { Records } from "./records.ts";
import type { WayIn } from "./way-in.ts";
import type { WayOut } from "./way-out.ts";

export interface PowersJoint {
  readonly ground: Ground;
  readonly records: Records;
  readonly out: WayOut;
  readonly wayIn: WayIn;
  readonly tasks: (actor: Actor) => TaskPowers;
  readonly status: () => Promise<Status>;
  readonly plugins: Plugins;
}

export function openPowers(joint: PowersJoint): ServePlugin {
  const { ground, records, out, wayIn, tasks, status, plugins } = joint;
  const { db, clock, log, audit, secrets } = ground;
  const { chats, outbox, timeline } = records;
  const { media, answers, delivery } = out;
  /** Told once per plugin and method in the life of this host: who asks in a loop fills no record. */
  const refusals = new Set<string>();

  return createPowers({
    chatFor: chatsInScope(chats.find),
    event: wayIn.admission.event,
    owe: outbox.oweTexts,
    deliver: delivery.wake,
    sizeOf: answers.sizeOf,
    note: audit.note,
    release: wayIn.inbound.release,
    async fileOf(id) {
      const content = await media.content(id);
      const message = content?.file.inbox_id ? await wayIn.hooked.find(content.file.inbox_id) : undefined;
      if (!content || !message) return undefined;
      const { chat_id: chat } = message.row;
      return { chat, group: message.group, open: content.open };
    },
    status,
    plugins: plugins.list,
    channels: out.channels.all,
    chats: chats.list,
    groups: chats.groups,
    events: async (chat, limit) => (await timeline.before(chat, undefined, limit)).events,
    hide: secrets.hide,
    desk: tasks,
    state: createPluginState(db, clock),
    refused(plugin, method, why) {
      if (refusals.has(`${plugin}:${method}`)) return;
      refusals.add(`${plugin}:${method}`);
      const entry = { actor: `the plugin ${plugin}`, groupId: null, subject: `plugin:${plugin}` };
      audit
        .note({ ...entry, action: "plugin.refused", allowed: false, detail: `${method}: ${why}` })
        .catch((error: unknown) => log.error({ err: error, plugin, method }, "this is not in the audit"));
    },
    clock,
  });
}

/** Those that answer requests below `/plugins/`. */
export function routesOf(
  plugins: Plugins & Pick<PluginProcesses, "route">,
  draining: () => boolean,
): HttpPlugins {
  return {
    routeOf(name) {
      const plugin = plugins.active().find((one) => one.name === name);
      if (!plugin || !may(plugin, "routes")) return undefined;
      return async (request) => await plugins.route(name, request);
    },
    draining,
  };
}
