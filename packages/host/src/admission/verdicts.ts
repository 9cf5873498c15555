/**
 * The verdict on a message: whether it is answered, kept as context, refused, or a command, and why. Whoever may
 * not speak calls nothing, and neither do words that are only handed on; what calls the assistant is the group's
 * trigger.
 */
import type { Inbound } from "@bellhop/sdk";
import { type GroupFolder, MAIN, type SenderId } from "../core/ids.ts";
import type { Word } from "../core/sender-policy.ts";
import { createTrigger, type Trigger, type Verdict } from "../core/trigger.ts";
import type { Around } from "../store/around.ts";
import type { Judged, NewMessage } from "../store/inbox.ts";
import type { AdmissionParts, Who } from "./admission.ts";
import { overLimit } from "./call-limits.ts";
import type { MaybeCommand } from "./commands/commands.ts";
import { tooLong, type Written } from "./written.ts";

/** Why somebody is not heard whom `/senders allow` lets in again. */
export const TURNED_AWAY = "the owner has turned this sender away";
const MINUTE_MS = 60_000;

export function createVerdicts(
  parts: Pick<AdmissionParts, "triggerOf" | "commands" | "roleOf" | "mayCall" | "limits" | "hooks" | "now">,
) {
  const triggers = new Map<GroupFolder, { readonly assistant: string; readonly calls: Trigger }>();

  /** Made once per group: a pattern takes a while to be read. */
  function triggerOf(group: GroupFolder) {
    const known = triggers.get(group);
    if (known) return known;
    const settings = parts.triggerOf(group);
    const made = { assistant: settings.assistant, calls: createTrigger(settings) };
    triggers.set(group, made);
    return made;
  }

  /** What holds for a message on a platform, once it is known what it stands in. */
  function judge(
    message: Written,
    inbound: Inbound,
    around: Around,
    personal: boolean,
    denied: (reason: string) => void,
  ): Judged | "drop" {
    const { chat, standing } = around;
    const self = inbound.sender.self === true;
    // On a personal account it is the owner who writes by it, unless it was us.
    const ours = around.ours || (self && !personal);
    const role = ours || !self ? roleOf(message.sender.id, chat.folder, standing) : "owner";
    const owner = role === "owner";
    const word: Word =
      standing === "denied" && !self
        ? {
            may: false,
            mode: chat.direct === 1 ? "drop" : "trigger",
            reason: TURNED_AWAY,
          }
        : parts.mayCall({ chat: chat.id, sender: message.sender.id, owner, self: self || around.ours });
    if (!word.may) {
      denied(word.reason);
      if (word.mode === "drop") return "drop";
      // Their sign is worth as much as their word; a press of theirs is neither.
      const context = inbound.kind === "reaction" ? around.aboutKnown && !self : inbound.kind !== "button";
      const noted = { verdict: "noted", reason: word.reason, context } as const;
      const hooks = wantsHooks(message, around, noted);
      return { ...noted, role: "stranger", tainted: true, hooks };
    }
    const own = inbound.forwarded === undefined;
    const tainted = !owner || !own || around.quotesTainted;
    if (inbound.kind === "reaction") return { ...reactionVerdict(around, self), role, tainted };
    if (inbound.kind === "button" && around.pressed === undefined)
      return { ...gone(message, parts.now()), role, tainted };
    const verdict = triggerOf(chat.folder).calls({
      text: own ? message.text : "",
      chat: { direct: chat.direct === 1, main: chat.folder === MAIN },
      ours,
      bot: inbound.sender.bot === true,
      botTurns: around.bots.admitted,
      mentionsUs: own && inbound.mentionsUs === true,
      answersUs: around.answersUs,
    });
    const person =
      (inbound.kind === "message" || inbound.kind === "button") && !ours && inbound.sender.bot !== true;
    const command = person
      ? commandIn(said(inbound, around), { role, group: chat.folder, direct: chat.direct === 1, verdict })
      : undefined;
    const fate = tooLong(inbound.text) ?? command ?? (inbound.kind === "button" ? NO_COMMAND : verdict);
    const calls = !owner && !ours && (fate.verdict === "admitted" || command?.command !== undefined);
    const over =
      calls &&
      overLimit(around.calls, parts.limits, {
        chat: chat.id,
        sender: message.sender.id,
        name: message.sender.name,
        now: parts.now(),
      });
    if (over) return { verdict: "refused", role, tainted, ...over };
    const hooks = wantsHooks(message, around, fate);
    return { ...fate, role, tainted, hooks, notice: loopNotice(verdict, around) };
  }

  /** A chat command waits for no plugin; an edit and an echo of our own are no messages. */
  function wantsHooks(
    { kind }: Pick<NewMessage, "kind">,
    { chat: { id, folder }, ours }: Around,
    { verdict, command }: Pick<Judged, "verdict" | "command">,
  ): Judged["hooks"] {
    if (verdict === "refused" || command !== undefined) return undefined;
    return parts.hooks?.wants(id, folder, kind === "message" && !ours);
  }

  function roleOf(sender: SenderId, group: GroupFolder, standing: Around["standing"]) {
    return standing === "owner" ? standing : parts.roleOf(sender, group);
  }

  function commandIn(
    { text, mentionsUs = false, forwarded }: Inbound,
    said: Pick<MaybeCommand, "role" | "group" | "direct" | "verdict">,
  ) {
    if (!text.startsWith("/") || forwarded !== undefined) return undefined;
    return parts.commands.recognise({
      ...said,
      text,
      mentionsUs,
      assistant: triggerOf(said.group).assistant,
    });
  }

  /** What holds for a message at the owner's own desk. */
  function judgeOwn(message: Written, inbound: Inbound, around: Around, { role }: Pick<Who, "role">): Judged {
    const own = { verdict: "admitted", reason: "the owner wrote in a chat of their own" } as const;
    const pressing = inbound.kind === "button";
    if (pressing && around.pressed === undefined)
      return { ...gone(message, parts.now()), role, tainted: false };
    const command =
      inbound.kind === "message" || pressing
        ? commandIn(said(inbound, around), { role, group: around.chat.folder, direct: true, verdict: own })
        : undefined;
    const fate = tooLong(inbound.text) ?? command ?? (pressing ? NO_COMMAND : own);
    return { ...fate, role, tainted: false, hooks: wantsHooks(message, around, fate) };
  }

  return {
    judge,
    judgeOwn,

    /** What calls the assistant in the group has changed. */
    groupChanged(group: GroupFolder): void {
      triggers.delete(group);
    },
  };
}

/** What a person asks for: of a press, the command that stands behind the button. */
function said(inbound: Inbound, { pressed }: Around): Inbound {
  return inbound.kind === "button" ? { ...inbound, text: pressed ?? "" } : inbound;
}

/**
 * Reactions are told along with the next message. Those of the assistant's account are its own: where it is the
 * owner's too, nobody could tell them apart.
 */
function reactionVerdict(
  { aboutKnown }: Around,
  self: boolean,
): Pick<Judged, "verdict" | "reason" | "context"> {
  if (self) return { verdict: "noted", reason: "a reaction by the assistant's own account", context: false };
  if (!aboutKnown)
    return { verdict: "noted", reason: "a reaction to a message that is not known here", context: false };
  return { verdict: "noted", reason: "a reaction; told with the next message", context: true };
}

/** A command that is none any more cannot be: buttons are made by us. */
const NO_COMMAND = { verdict: "noted", reason: "the button stands for no command" } as const;

/** One line, and no more of them a minute to the same person, whatever they press. */
function gone(
  { chat, sender }: Pick<NewMessage, "chat" | "sender">,
  now: number,
): Pick<Judged, "verdict" | "reason" | "notice" | "noticeKey"> {
  return {
    verdict: "noted",
    reason: "the button is not known, or its time is over",
    notice: "That button is not good any more: what it stood for is over.",
    noticeKey: `button-gone:${chat}:${sender.id}:${Math.floor(now / MINUTE_MS)}`,
  };
}

/** Bots that are refused are told once, not each time: they might answer that too. */
function loopNotice({ verdict, reason }: Verdict, { bots }: Around): string | undefined {
  if (verdict !== "refused" || bots.refused) return undefined;
  return `I leave the other bots here without an answer for a while: ${reason}.`;
}
