/**
 * One thing that a plugin's process may ask of the host. Whoever asks is known by its process; what it asks
 * for is parsed here, once, and refused in a sentence that says what is missing.
 */
import { type Capability, type Json, RejectedError } from "@bellhop/sdk";
import type { Readable } from "node:stream";
import type { z } from "zod";
import type { ChatId, GroupFolder } from "../../core/ids.ts";
import { type Installed, inScope, type KnownPlugin, may } from "../../core/plugin.ts";

/** A plugin that an owner has approved. */
export type Asking = KnownPlugin & { readonly installed: Installed };

export interface Power {
  /** What its manifest must declare; undefined: nothing. */
  readonly needs: Capability | undefined;
  /** @throws RejectedError, TemporaryError with a sentence for the plugin's author */
  answer(plugin: Asking, params: Json): Promise<Json | Readable | undefined>;
}

/** By the method that asks for it. */
export type Powers = Readonly<Record<string, Power>>;

/** @param run gets what `params` made of what was asked */
export function power<T>(
  needs: Capability | undefined,
  params: z.ZodType<T>,
  run: (plugin: Asking, asked: T) => Promise<Json | Readable | undefined>,
): Power {
  return {
    needs,
    async answer(plugin, given) {
      const parsed = params.safeParse(given);
      if (parsed.success) return await run(plugin, parsed.data);
      const wrong = parsed.error.issues.map(({ path, message }) =>
        path.length === 0 ? message : `${path.join(".")}: ${message}`,
      );
      throw new RejectedError(`this cannot be asked so: ${wrong.join("; ")}`, { cause: parsed.error });
    },
  };
}

/** @throws RejectedError where the manifest does not declare it */
export function mustDeclare(plugin: Asking, needs: Capability | undefined): void {
  if (needs === undefined || may(plugin, needs)) return;
  throw new RejectedError(
    `${plugin.name} may not do this: its manifest does not declare the capability ${JSON.stringify(needs)}`,
  );
}

export interface Place {
  readonly id: ChatId;
  readonly group_id: number;
  readonly folder: GroupFolder;
}

/** Finds chats as a plugin sees them: one that is out of its scope is not there. */
export type ChatFor = (plugin: Asking, chat: ChatId) => Promise<Place>;

export function chatsInScope(find: (chat: ChatId) => Promise<Place | undefined>): ChatFor {
  return async ({ name, installed }, chat) => {
    const known = await find(chat);
    if (known && inScope(installed.scope, known.folder, chat)) return known;
    throw new RejectedError(`${chat} is no chat that ${name} has in its scope`);
  };
}
