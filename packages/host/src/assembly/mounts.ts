/** What of this machine the groups' sandboxes are given beside the groups' own. */
import { join } from "node:path";
import { GroupFolder } from "../core/ids.ts";
import type { WantedMount } from "../core/mount-policy.ts";
import { createMounts, type Mounts } from "../policy/mounts.ts";
import { sandboxUid } from "../sandbox/staging.ts";
import type { Ground } from "./ground.ts";
import type { Records } from "./records.ts";
import type { WayOut } from "./way-out.ts";

export function openMounts(
  { config, paths, audit, log }: Ground,
  { chats }: Pick<Records, "chats">,
  { notices }: Pick<WayOut, "notices">,
  ofPlugins: (group: GroupFolder) => readonly WantedMount[],
): Mounts {
  const wanted = Object.entries(config.groups)
    .filter(([, { mounts }]) => mounts.length > 0)
    .map(([name, { mounts }]) => {
      const asGroup = mounts.map((mount) => ({ ...mount, origin: { kind: "group" } as const }));
      return [GroupFolder.parse(name), asGroup] as const;
    });
  return createMounts({
    wanted: new Map(wanted),
    ofPlugins: { wanted: ofPlugins, groups: chats.groups },
    allowlist: join(config.policies, "mount-allowlist.json"),
    own: [config.home, config.policies, paths.config, paths.env],
    userHome: config.userHome,
    uidOf: async (group) => sandboxUid(await chats.numberOf(group)),
    tell: notices.tell,
    async record({ group, source, target, mode, refused }) {
      await audit.note({
        actor: "the host",
        groupId: await chats.numberOf(group),
        action: "mount",
        subject: `mount:${source}`,
        allowed: refused === undefined,
        detail: refused ?? `${target}, ${mode}`,
      });
    },
    log,
  });
}
