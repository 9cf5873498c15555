/**
 * A runtime whose sandboxes know of their group's secrets: every program that is started in one, the
 * engine's as well as a script's, has the placeholders in its environment. What whoever starts it gives it
 * comes before.
 */
import type { GroupFolder } from "../core/ids.ts";
import type { SandboxRuntime } from "../turns/sandbox.ts";

export function withPlaceholders(
  runtime: SandboxRuntime,
  of: (group: GroupFolder) => Readonly<Record<string, string>>,
): SandboxRuntime {
  return {
    name: runtime.name,
    probe: () => runtime.probe(),
    async prepare(spec) {
      const prepared = await runtime.prepare(spec);
      return {
        spawn: (command) => prepared.spawn({ ...command, env: { ...of(spec.group), ...command.env } }),
        dispose: () => prepared.dispose(),
      };
    },
  };
}
