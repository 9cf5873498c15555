/**
 * The desk: what people and the agent of `main` ask about groups. One place for the agent's tools, the API, the
 * command line and the chat commands, so that none of them can forget the check.
 *
 * - Groups are of the configuration, made here, or made for somebody who was let in. What was chosen here stands
 *   over the configuration; whether a configured group is there, and which chats the configuration gives it,
 *   is changed in config.yaml alone.
 * - Each change is one transaction with its row in the audit. An agent's is written under the fence of its turn,
 *   together with its entry in the journal (G7, G11), and has used its leave up (policy/judge.ts).
 * - A chat that changes hands, and a group that goes, is at rest then (store/moves.ts).
 */
import { RejectedError } from "@bellhop/sdk";
import type { Kysely } from "kysely";
import type { GroupConfig } from "../config.ts";
import { GroupChange, GroupChoices } from "../config/sections.ts";
import { type ChatId, GroupFolder, MAIN, type SessionId } from "../core/ids.ts";
import type { Action } from "../policy/policy.ts";
import type { Audited } from "../store/audit.ts";
import { chooseIn, type GroupSettings } from "../store/group-settings.ts";
import {
  forgetGroup,
  groupOfChat,
  isAtTheDesk,
  moveChat,
  releaseChat,
  type Settling,
  whenSettled,
} from "../store/moves.ts";
import type { SeenChat, SeenChats } from "../store/seen-chats.ts";
import type { Database } from "../store/tables.ts";
import { createGroupViews, type GroupView } from "./views.ts";

/** Who asks, and what follows from that. */
export interface GroupActor {
  /** In words: `the owner`, `the agent of main`. */
  readonly who: string;
  /** Where they ask from: this chat they do not move. */
  readonly chat?: ChatId | undefined;
  /** Most groups that may have been made for them to make another one. */
  readonly most?: number | undefined;
  /** Asked for what they change; what it gives is called in the transaction. @throws RejectedError */
  readonly leave?: ((action: Action) => Promise<Leave>) | undefined;
  /** How what they do becomes true; a plain transaction where it is not said. */
  readonly commit?: (<T>(effect: (trx: Kysely<Database>) => Promise<T>) => Promise<T>) | undefined;
}

type Leave = (trx: Kysely<Database>) => Promise<void>;

export interface NewGroup {
  readonly name: GroupFolder;
  readonly settings?: GroupChoices | undefined;
  /** The group whose settings it begins with. */
  readonly from?: GroupFolder | undefined;
  readonly chats?: readonly ChatId[] | undefined;
}

export interface RemovedGroup {
  readonly name: GroupFolder;
  /** Tasks that were paused, and chats that it had. */
  readonly paused: number;
  readonly chats: readonly ChatId[];
  /** Where its notes are kept. */
  readonly folder: string;
}

/** What an actor may ask. All throw RejectedError with a sentence for a person. */
export interface GroupPowers {
  list(): Promise<readonly GroupView[]>;
  show(name: GroupFolder): Promise<GroupView>;
  add(group: NewGroup): Promise<GroupView>;
  edit(name: GroupFolder, change: GroupChange): Promise<GroupView>;
  remove(name: GroupFolder): Promise<RemovedGroup>;
  /** Whichever group had them. */
  bind(chats: readonly ChatId[], name: GroupFolder): Promise<void>;
  unbind(chat: ChatId): Promise<{ readonly group: GroupFolder | undefined }>;
  /** Chats in which somebody wrote and that no group has, newest first. */
  seen(): readonly SeenChat[];
}

export interface GroupDeskParts extends Settling {
  readonly choices: GroupSettings;
  /** What config.yaml says of groups. */
  readonly configured: {
    has(group: GroupFolder): boolean;
    /** What it sets for it alone. */
    own(group: GroupFolder): GroupChoices;
    groupOf(chat: ChatId): GroupFolder | undefined;
    /** An agent that speaks the Agent Client Protocol is named. */
    readonly acp: boolean;
  };
  readonly exists: (group: GroupFolder) => boolean;
  readonly settingsOf: (group: GroupFolder) => GroupConfig;
  readonly folderOf: (group: GroupFolder) => string;
  /** Makes what is missing of its folders. */
  readonly ensure: (group: GroupFolder) => Promise<void>;
  readonly seen: Pick<SeenChats, "list" | "forget">;
  readonly audit: (trx: Kysely<Database>, entry: Audited) => Promise<void>;
  /** Closes the idle sandboxes of a group; those of these conversations. */
  readonly closeRooms: (group: GroupFolder) => Promise<unknown>;
  readonly closeRoom: (session: SessionId) => Promise<unknown>;
  /** What holds for the group is otherwise from now on. */
  readonly changed: (group: GroupFolder) => void;
  /** A chat that waited to be let in may have been given to a group. */
  readonly entered: () => void;
}

const NO_LEAVE: Leave = async () => undefined;

export function createGroupDesk(parts: GroupDeskParts) {
  const { db, choices, configured, exists, now } = parts;
  const views = createGroupViews(parts);

  function mustExist(name: GroupFolder): void {
    if (!exists(name)) throw new RejectedError(`There is no group ${name}. See: bellhop groups list`);
  }

  function mustHold({ engine }: GroupChange): void {
    if (engine === "acp" && !configured.acp)
      throw new RejectedError(
        "The engine acp needs the section acp in config.yaml, which names its command.",
      );
  }

  /** A chat that config.yaml gives to a group is given back to it at the next start. */
  function mustBeFree(chat: ChatId, wanted: GroupFolder | undefined, actor: GroupActor): void {
    const owner = configured.groupOf(chat);
    if (owner !== undefined && owner !== wanted)
      throw new RejectedError(
        `The chat ${chat} stands in config.yaml, under groups.${owner}.chats: take it out there and restart Bellhop.`,
      );
    if (chat === actor.chat)
      throw new RejectedError(
        `You are answering in ${chat}, so it cannot be moved now; the owner can, with bellhop groups.`,
      );
  }

  function allowed(actor: GroupActor, name: GroupFolder, what: { words: string; detail: Action["detail"] }) {
    const action: Action = { effect: "administer", target: `group:${name}`, ...what };
    return actor.leave?.(action) ?? NO_LEAVE;
  }

  async function record(
    trx: Kysely<Database>,
    { who }: GroupActor,
    entry: Pick<Audited, "action" | "subject" | "detail">,
  ): Promise<void> {
    await parts.audit(trx, { actor: who, groupId: null, allowed: true, ...entry });
  }

  const commitOf = (actor: GroupActor): NonNullable<GroupActor["commit"]> =>
    actor.commit ?? ((effect) => db.transaction().execute(effect));

  const atRest = <T>(
    chats: () => Promise<readonly ChatId[]>,
    why: string,
    move: () => Promise<T>,
  ): Promise<T> => whenSettled(parts, chats, why, move);

  /** Those that another group has now, by the group that has them. */
  async function homesOf(chats: readonly ChatId[]): Promise<Map<ChatId, GroupFolder | undefined>> {
    const homes = new Map<ChatId, GroupFolder | undefined>();
    for (const chat of chats) homes.set(chat, await groupOfChat(db, chat));
    return homes;
  }

  /** In the transaction: as it was when whoever asked was given leave. */
  async function give(
    trx: Kysely<Database>,
    actor: GroupActor,
    homes: ReadonlyMap<ChatId, GroupFolder | undefined>,
    name: GroupFolder,
  ): Promise<SessionId[]> {
    const ended: SessionId[] = [];
    for (const [chat, home] of homes) {
      if ((await groupOfChat(trx, chat)) !== home)
        throw new RejectedError(`The chat ${chat} was given to another group meanwhile; look again.`);
      ended.push(...(await moveChat(trx, chat, name, now())));
      const from = home === undefined ? "" : `, from ${home}`;
      await record(trx, actor, { action: "chat.bind", subject: `chat:${chat}`, detail: `to ${name}${from}` });
    }
    return ended;
  }

  async function afterMoves(chats: Iterable<ChatId>, ended: readonly SessionId[]): Promise<void> {
    for (const chat of chats) parts.seen.forget(chat);
    parts.entered();
    await Promise.all(ended.map(parts.closeRoom));
  }

  const leaving = (homes: ReadonlyMap<ChatId, GroupFolder | undefined>, name: GroupFolder) => async () =>
    [...homes].flatMap(([chat, home]) => (home !== undefined && home !== name ? chat : []));

  async function add(
    actor: GroupActor,
    { name, settings = {}, from, chats = [] }: NewGroup,
  ): Promise<GroupView> {
    if (exists(name))
      throw new RejectedError(
        `The group ${name} is there already; change it with bellhop groups edit ${name}.`,
      );
    if (actor.most !== undefined && choices.made().length >= actor.most)
      throw new RejectedError(
        `${actor.most} groups were made, which is the most an agent may make; remove some.`,
      );
    if (from !== undefined) mustExist(from);
    const chosen = { ...(from && { ...configured.own(from), ...choices.of(from) }), ...settings };
    mustHold(chosen);
    for (const chat of chats) mustBeFree(chat, name, actor);
    const homes = await homesOf(chats);
    const leave = await allowed(actor, name, {
      words: `make the group ${name}${settingsWords(chosen)}${chatsWords(homes)}`,
      detail: { action: "add", settings: JSON.stringify(chosen), ...homesDetail(homes) },
    });
    const ended = await atRest(leaving(homes, name), `this chat was given to the group ${name}`, () =>
      commitOf(actor)(async (trx) => {
        await leave(trx);
        await trx
          .insertInto("groups")
          .values({ folder: name, created_at: now(), made: 1 })
          .onConflict((conflict) => conflict.column("folder").doUpdateSet({ made: 1, chosen: null }))
          .execute();
        await chooseIn(trx, name, chosen);
        const detail = JSON.stringify(chosen);
        await record(trx, actor, { action: "group.add", subject: `group:${name}`, detail });
        return await give(trx, actor, homes, name);
      }),
    );
    await choices.refresh();
    await parts.ensure(name);
    parts.changed(name);
    await afterMoves(chats, ended);
    return await views.of(name);
  }

  async function edit(actor: GroupActor, name: GroupFolder, change: GroupChange): Promise<GroupView> {
    mustExist(name);
    mustHold(change);
    if (Object.keys(change).length === 0) throw new RejectedError("Say what is to be changed.");
    const leave = await allowed(actor, name, {
      words: `change the group ${name}${settingsWords(change)}`,
      detail: { action: "edit", settings: JSON.stringify(change) },
    });
    await commitOf(actor)(async (trx) => {
      await leave(trx);
      await chooseIn(trx, name, change);
      const detail = JSON.stringify(change);
      await record(trx, actor, { action: "group.edit", subject: `group:${name}`, detail });
    });
    await choices.refresh();
    parts.changed(name);
    await parts.closeRooms(name); // the next one is opened as it is to be now
    return await views.of(name);
  }

  async function remove(actor: GroupActor, name: GroupFolder): Promise<RemovedGroup> {
    if (name === MAIN) throw new RejectedError("main is the owner's own group and always there.");
    if (configured.has(name))
      throw new RejectedError(
        `The group ${name} stands in config.yaml, under groups.${name}: take it out there and restart Bellhop.`,
      );
    const before = await views.find(name);
    if (!before) throw new RejectedError(`There is no group ${name}. See: bellhop groups list`);
    const { groupId } = before;
    const leave = await allowed(actor, name, {
      words: `remove the group ${name}: pause its tasks (${before.view.tasks.active}), take its chats from it (${before.view.chats.map(({ id }) => id).join(", ") || "none"}); its folder is kept`,
      detail: { action: "remove" },
    });
    const gone = await atRest(
      async () => await views.chatsOf(groupId),
      `the group ${name} was removed`,
      async () => {
        await parts.closeRooms(name);
        return await commitOf(actor)(async (trx) => {
          await leave(trx);
          const { chats, paused } = await forgetGroup(trx, groupId, now());
          const detail = `${paused} tasks were paused; its chats were ${chats.join(" ") || "none"}`;
          await record(trx, actor, { action: "group.remove", subject: `group:${name}`, detail });
          return { chats, paused };
        });
      },
    );
    await choices.refresh();
    parts.changed(name);
    await parts.closeRooms(name);
    return { name, ...gone, folder: parts.folderOf(name) };
  }

  async function bind(actor: GroupActor, chats: readonly ChatId[], name: GroupFolder): Promise<void> {
    if (!exists(name))
      throw new RejectedError(`there is no group ${name} to bind the chat ${chats[0] ?? ""} to`);
    for (const chat of chats) mustBeFree(chat, name, actor);
    const homes = await homesOf(chats);
    for (const [chat, home] of homes) if (home === name) homes.delete(chat); // it has it already
    if (homes.size === 0) return;
    const leave = await allowed(actor, name, {
      words: `give the group ${name}${chatsWords(homes)}`,
      detail: { action: "bind", ...homesDetail(homes) },
    });
    const ended = await atRest(leaving(homes, name), `this chat was given to the group ${name}`, () =>
      commitOf(actor)(async (trx) => {
        await leave(trx);
        return await give(trx, actor, homes, name);
      }),
    );
    await afterMoves(homes.keys(), ended);
  }

  async function unbind(
    actor: GroupActor,
    chat: ChatId,
  ): Promise<{ readonly group: GroupFolder | undefined }> {
    const home = await groupOfChat(db, chat);
    if (home === undefined) throw new RejectedError(`No group has the chat ${chat}.`);
    mustBeFree(chat, undefined, actor);
    const back = isAtTheDesk(chat) ? MAIN : undefined;
    if (home === back)
      throw new RejectedError(
        `${chat} is at your own desk and in main; it can only be given to another group.`,
      );
    const leave = await allowed(actor, home, {
      words: `take the chat ${chat} from the group ${home}`,
      detail: { action: "unbind", chat },
    });
    const ended = await atRest(
      async () => [chat],
      `this chat was taken from the group ${home}`,
      () =>
        commitOf(actor)(async (trx) => {
          if ((await groupOfChat(trx, chat)) !== home)
            throw new RejectedError(`The chat ${chat} was given to another group meanwhile; look again.`);
          await leave(trx);
          const detail = `from ${home}${back === undefined ? "" : `, back to ${back}`}`;
          await record(trx, actor, { action: "chat.unbind", subject: `chat:${chat}`, detail });
          return await releaseChat(trx, chat, now());
        }),
    );
    await Promise.all(ended.map(parts.closeRoom));
    return { group: back };
  }

  return {
    /** What this actor may do. */
    as: (actor: GroupActor): GroupPowers => ({
      list: views.list,
      show: views.of,
      add: (group) => add(actor, group),
      edit: (name, change) => edit(actor, name, change),
      remove: (name) => remove(actor, name),
      bind: (chats, name) => bind(actor, chats, name),
      unbind: (chat) => unbind(actor, chat),
      seen: parts.seen.list,
    }),
  };
}

function settingsWords(settings: GroupChange): string {
  const named = Object.entries(settings).filter(([, value]) => value !== undefined);
  if (named.length === 0) return "";
  const words = named.map(
    ([name, value]) => `${name} ${value === null ? "as configured" : JSON.stringify(value)}`,
  );
  return `, with ${words.join(", ")}`;
}

function chatsWords(homes: ReadonlyMap<ChatId, GroupFolder | undefined>): string {
  if (homes.size === 0) return "";
  const words = [...homes].map(([chat, home]) =>
    home === undefined ? `${chat} (of no group)` : `${chat} (of the group ${home})`,
  );
  return `, with the chats ${words.join(", ")}`;
}

function homesDetail(homes: ReadonlyMap<ChatId, GroupFolder | undefined>): Action["detail"] {
  return { chats: JSON.stringify([...homes].map(([chat, home]) => [chat, home ?? null])) };
}
