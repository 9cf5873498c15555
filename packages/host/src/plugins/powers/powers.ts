/**
 * What plugins' processes may ask of the host, and who may ask it. The one place where that is judged:
 * approved by an owner, declared in the manifest, in its scope, in a form that is known.
 *
 * What acts on others (`event`, `send`, changes of tasks) is on record, a refusal for want of a capability too.
 */
import { type Json, RejectedError } from "@bellhop/sdk";
import type { KnownPlugin, ServePlugin } from "../../core/plugin.ts";
import { type InboundParts, inboundPowers } from "./inbound.ts";
import { type Asking, mustDeclare, type Power, type Powers } from "./power.ts";
import { type SpeakParts, speakPowers } from "./speak.ts";
import { type StateParts, statePowers } from "./state.ts";
import { type TaskPowerParts, taskPowers } from "./task-powers.ts";
import { type ViewParts, viewPowers } from "./views.ts";

export type PowersParts = SpeakParts &
  InboundParts &
  ViewParts &
  TaskPowerParts &
  StateParts & {
    /** A plugin asked for what it has not declared. */
    readonly refused: (plugin: string, method: string, why: string) => void;
  };

export function createPowers(parts: PowersParts): ServePlugin {
  const powers: Powers = {
    ...speakPowers(parts),
    ...inboundPowers(parts),
    ...viewPowers(parts),
    ...taskPowers(parts),
    ...statePowers(parts),
  };

  return async (plugin: KnownPlugin, method: string, params: Json) => {
    const asked = named(powers, method);
    const asking = approved(plugin);
    try {
      mustDeclare(asking, asked.needs);
    } catch (error) {
      if (error instanceof RejectedError) parts.refused(plugin.name, method, error.message);
      throw error;
    }
    return await asked.answer(asking, params);
  };
}

function named(powers: Powers, method: string): Power {
  const found = Object.hasOwn(powers, method) ? powers[method] : undefined;
  if (found) return found;
  throw new RejectedError(
    `there is nothing called ${JSON.stringify(method.slice(0, 60))} to ask of the host`,
  );
}

function approved(plugin: KnownPlugin): Asking {
  const { installed } = plugin;
  if (installed?.enabled) return { ...plugin, installed };
  throw new RejectedError(`${plugin.name} is not enabled, and may ask for nothing`);
}
