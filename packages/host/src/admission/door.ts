/** At the door: what of a message matters only where no group has its chat, or where it brings a code. */
import type { Inbound } from "@bellhop/sdk";
import { MAIN } from "../core/ids.ts";
import { asCode, codesIn } from "../core/pairing-code.ts";
import type { NewMessage } from "../store/inbox.ts";
import type { AdmissionParts } from "./admission.ts";
import { heldInbound } from "./held-inbound.ts";
import { isWritten, type Written } from "./written.ts";

/** How an owner makes a chat that no group has part of `main`. */
const CLAIM = { direct: /^\/main(?:@\S+)?(?:\s+yes)?\s*$/i, shared: /^\/main(?:@\S+)?\s+yes\s*$/i } as const;

export function createDoor(parts: Pick<AdmissionParts, "roleOf" | "mayCall" | "senders">) {
  /** What of a message matters only where no group has its chat, or where it brings a code. */
  function atTheDoor(
    message: Written,
    inbound: Inbound,
    personal: boolean,
  ): Pick<NewMessage, "newcomer" | "codes" | "claims"> {
    const { chat, chatTitle, direct, platformId, sender } = message;
    const { kind, text, sender: by, forwarded } = inbound;
    if (by.bot || (by.self && !personal) || !isWritten(message)) return {};
    const owner = by.self === true || parts.roleOf(sender.id, MAIN) === "owner";
    const who = { id: sender.id, name: sender.name, linked: sender.linked };
    const codes = kind === "delete" ? [] : codesIn(text);
    const whole = asCode(text) !== undefined;
    const claims =
      kind === "message" && forwarded === undefined && CLAIM[direct ? "direct" : "shared"].test(text);
    const calls = parts.mayCall({ chat, sender: sender.id, owner, self: by.self === true });
    const held = direct === true && !by.self && calls.may;
    return {
      ...(codes.length === 0
        ? {}
        : { codes: { chat, chatTitle, direct, platformId, sender: who, codes, whole, silent: personal } }),
      ...(claims ? { claims: { owner } } : {}),
      ...(held
        ? {
            newcomer: newcomer(
              { chat, chatTitle, sender: who },
              { ...inbound, kind: message.kind },
              owner,
              personal,
            ),
          }
        : {}),
    };
  }

  function newcomer(
    known: Pick<NonNullable<NewMessage["newcomer"]>, "chat" | "chatTitle" | "sender">,
    inbound: Parameters<typeof heldInbound>[0],
    owner: boolean,
    personal: boolean,
  ): NonNullable<NewMessage["newcomer"]> {
    const code = parts.senders.newCode();
    const greeting = `I do not know you yet, so I have asked my owner. You may tell them this code: ${code}. What you write until then is kept for an hour.`;
    return {
      ...known,
      owner,
      code,
      inbound: heldInbound(inbound),
      greeting: personal ? undefined : greeting,
    };
  }

  return { atTheDoor };
}
