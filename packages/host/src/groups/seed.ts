/** The `CLAUDE.md` that a new group begins with. From then on it is the agent's and its people's. */
import { type GroupFolder, MAIN } from "../core/ids.ts";

/**
 * The first line brings in the group's own persona, if somebody writes one; where there is none, the
 * engine passes over it. What stands in a comment is for people: the engine does not show it to the
 * model.
 */
export function seedMemory(folder: GroupFolder): string {
  return `@IDENTITY.md

<!--
This is the memory of the group "${folder}". The assistant reads it at the start of every
conversation and writes into it what it is asked to remember. Edit it as you like.

IDENTITY.md beside it, if you write one, says who the assistant is in this group.
${folder === MAIN ? MAIN_ALONE : ""}-->

# What I remember
`;
}

const MAIN_ALONE = `
This group is the owner's. What all groups share is in global/CLAUDE.md of Bellhop's home, and who
the assistant is everywhere in global/IDENTITY.md; ask it here to change them.
`;
