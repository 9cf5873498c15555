/** Plugins: their room, what their processes live in, and the channels that come and go with them. */
import { realpath } from "node:fs/promises";
import type { Environment } from "../config.ts";
import { newId, SandboxId } from "../core/ids.ts";
import type { ServePlugin } from "../core/plugin.ts";
import type { Status } from "../core/status.ts";
import { createRuns } from "../plugins/asked.ts";
import { createHousing, type Limiter } from "../plugins/housing.ts";
import { mendPlaced } from "../plugins/market/place.ts";
import { createOpener } from "../plugins/opener.ts";
import { createPlugins } from "../plugins/plugins.ts";
import { pluginPrograms } from "../plugins/programs.ts";
import { pluginPlaces } from "../plugins/registry.ts";
import type { RemoteChannel } from "../plugins/remote-channel.ts";
import { chooseLimiter } from "../sandbox/choose-limiter.ts";
import { homeIdOf } from "../sandbox/home-id.ts";
import { START } from "../sandbox/launch.ts";
import type { Ground } from "./ground.ts";
import type { WayOut } from "./way-out.ts";

/** Slow ones come when they come. */
const PATIENCE_MS = 2_000;
/** A spinning plugin has one core at most. Threads count as processes, and Node has a dozen. */
const SHARE = { cpus: 1, pids: 64, tmpBytes: 0 };

export interface PluginRoomParts {
  readonly out: WayOut;
  /** Of the host: what plugins declare may be in it. */
  readonly environment: Environment;
  /** What plugins may do here. */
  readonly serve: ServePlugin;
}

export type PluginRoom = ReturnType<typeof openPluginRoom>;

/** Nothing runs before `start`. */
export function openPluginRoom(ground: Ground, { out, environment, serve }: PluginRoomParts) {
  const { config, paths, clock, random, log, secrets, opened } = ground;
  const { channels, delivery, notices } = out;
  const housing = createHousing({
    programs: pluginPrograms(),
    limiter: () => limiterFor(ground),
    hidden: [paths.home, config.policies, config.userHome],
    home: paths.home,
    timezone: config.timezone,
  });
  const runs = createRuns((kept) =>
    secrets.add(Object.entries(kept).map(([name, value]) => ({ name, value }))),
  );
  const open = createOpener({
    housing,
    pluginsData: paths.pluginsData,
    dotEnv: paths.env,
    environment,
    serve,
    runs,
    learn: secrets.add,
    clock,
    log,
  });
  const room = createPlugins({
    paths,
    places: pluginPlaces(paths.plugins),
    environment,
    open,
    runs,
    tell: (key, text) => void notices.tell(key, text),
    clock,
    random,
    log,
  });
  opened.defer(room.close);
  channels.also(room.channels);

  /** Those that were there, and whether they were up. */
  let before = new Map<RemoteChannel, boolean>();
  function moved(onChannels: () => void): void {
    const now = new Map(room.channels().map((channel) => [channel, channel.isThere]));
    const back = [...now].flatMap(([channel, up]) => (up && before.get(channel) !== true ? channel : []));
    for (const channel of before.keys()) if (!now.has(channel)) delivery.forget(channel);
    before = now;
    onChannels();
    for (const channel of back) delivery.accountReady(channel);
    if (back.length > 0)
      delivery.recover().catch((error: unknown) => log.error({ err: error }, "what is owed was not found"));
  }

  return {
    ...room,
    /** @param onChannels called when they have come or gone */
    async start(onChannels: () => void): Promise<void> {
      // What an interrupted command left half way is put back before anybody looks.
      await mendPlaced(paths);
      room.onChange(() => moved(onChannels));
      await room.start(PATIENCE_MS);
    },
    /** As they said last (`refresh`). */
    status(): Status["plugins"] {
      return { list: [...room.list()], housing: housing.described ?? "" };
    },
  };
}

/** The sandboxes' own means, where they hold a process whole. */
async function limiterFor({ paths, clock, log }: Ground): Promise<Limiter | undefined> {
  if (process.platform !== "linux") return undefined;
  const uid = process.getuid?.() ?? 0;
  const homeId = homeIdOf(await realpath(paths.home));
  const limiter = await chooseLimiter({ homeId, uid, env: START, clock, log });
  // A watchdog would tick for every plugin that idles; RLIMIT_DATA holds one process as well.
  if (limiter.tier === "rlimit+watchdog") return undefined;
  return {
    tier: limiter.tier,
    hold: async (memoryBytes) => await limiter.hold(newId(SandboxId), { ...SHARE, memoryBytes }, uid),
  };
}
