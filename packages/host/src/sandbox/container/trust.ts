/**
 * What a container with a door by exec is to trust. The files lie in the directory of the door on the host; where that
 * is mounted they come with it, and here each is mounted alone, into the folder of the sockets that are made inside.
 * That folder is fresh in each container, so no link of the agent's can lead a mount astray.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { DOOR_FILES } from "../../core/door.ts";
import type { Mount } from "../../turns/sandbox.ts";
import { INSIDE } from "../profile.ts";

export function trustMounts(doorDirectory: string): readonly Mount[] {
  return Object.values(DOOR_FILES).flatMap((name): Mount[] => {
    const source = join(doorDirectory, name);
    return existsSync(source) ? [{ source, target: `${INSIDE.door}/${name}`, mode: "ro" }] : []; // a trial's door has none
  });
}
