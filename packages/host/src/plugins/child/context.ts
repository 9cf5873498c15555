/** What a plugin's module is given: each of its powers is a call of the host, which judges it. */
import type { HostPowers, Json, Logger, PluginContext } from "@bellhop/sdk";
import type { Link, Params } from "../link/link.ts";
import type { Start } from "./start.ts";

/** @param signal aborts when the process is to end */
export function contextFor(link: Link, start: Start, signal: AbortSignal): PluginContext {
  const { name, settings, environment, folder } = start;
  const line = (level: string) => (text: string, fields?: Readonly<Record<string, Json>>) =>
    link.tell("log", { level, text, fields });
  const log: Logger = { debug: line("debug"), info: line("info"), warn: line("warn"), error: line("error") };

  // The host answers in the form that `HostPowers` gives each of these.
  const ask = async <T>(method: string, params: Params = {}): Promise<T> =>
    (await link.call("host", { method, params })) as T;

  const host: HostPowers = {
    event: (event) => ask("event", { ...event }),
    send: (message) => ask("send", { ...message }),
    release: (id, verdict) => ask("release", { id, verdict }),
    async file(id) {
      const { stream } = await ask<{ stream: number }>("file", { id });
      return link.receive(stream);
    },
    status: () => ask("status"),
    channels: () => ask("channels"),
    plugins: () => ask("plugins"),
    messages: (of) => ask("messages", { ...of }),
    chats: () => ask("chats"),
    groups: () => ask("groups"),
    tasks: {
      list: (group) => ask("tasks.list", { group }),
      get: (id) => ask("tasks.get", { id }),
      history: (id) => ask("tasks.history", { id }),
      create: (task) => ask("tasks.create", { task }),
      update: (id, change) => ask("tasks.update", { id, change }),
      pause: (id) => ask("tasks.pause", { id }),
      resume: (id) => ask("tasks.resume", { id }),
      cancel: (id) => ask("tasks.cancel", { id }),
    },
  };
  return {
    name,
    settings,
    environment,
    folder,
    log,
    state: {
      get: (key) => ask("state.get", { key }),
      set: (key, value) => ask("state.set", { key, value }),
      delete: (key) => ask("state.delete", { key }),
      keys: (prefix) => ask("state.keys", { prefix }),
    },
    host,
    signal,
  };
}
