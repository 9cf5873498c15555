/** What a plugin may do with a message that its `onInbound` was shown: let it go on, read its files. */
import { RejectedError } from "@bellhop/sdk";
import type { Readable } from "node:stream";
import { z } from "zod";
import { ReleaseSaid } from "../../core/hooked.ts";
import { type ChatId, FileId, type GroupFolder, InboxId } from "../../core/ids.ts";
import { inScope, may } from "../../core/plugin.ts";
import { power, type Powers } from "./power.ts";

export interface InboundParts {
  readonly release: (plugin: string, id: InboxId, said: ReleaseSaid) => Promise<void>;
  /** The file's bytes, and the message that it came with; undefined where there is none, or nothing of it. */
  readonly fileOf: (id: FileId) => Promise<
    | {
        readonly chat: ChatId;
        readonly group: GroupFolder;
        open(): Readable;
      }
    | undefined
  >;
}

export function inboundPowers({ release, fileOf }: InboundParts): Powers {
  return {
    release: power(
      undefined,
      z.strictObject({ id: InboxId, verdict: ReleaseSaid.default({}) }),
      async ({ name }, { id, verdict }) => {
        await release(name, id, verdict);
        return undefined;
      },
    ),

    file: power(undefined, z.strictObject({ id: FileId }), async (plugin, { id }) => {
      if (!plugin.manifest.hooks.includes("onInbound") && !may(plugin, "messages"))
        throw new RejectedError(
          `${plugin.name} may not read files: its manifest declares neither the hook "onInbound" nor the capability "messages"`,
        );
      const file = await fileOf(id);
      if (!file || !inScope(plugin.installed.scope, file.group, file.chat))
        throw new RejectedError(`${id} is no file that ${plugin.name} can read`);
      return file.open();
    }),
  };
}
