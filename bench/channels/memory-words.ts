/** What the floor of `bench -- channels` and its host say to each other, a line each. */
import { z } from "zod";

/** Somebody writes, in a chat of theirs alone that has their id. */
export const Written = z.object({ person: z.string(), text: z.string() });

/** It was sent. */
export const Line = z.object({ chat: z.string(), text: z.string() });
export type Line = z.infer<typeof Line>;
