/** How the owner is asked about a stranger who wrote, and what the card reads once that is decided. */
import type { Offer } from "../core/button.ts";
import type { PairingRow } from "../store/senders.ts";

type Asked = Pick<PairingRow, "id" | "chat_id" | "sender_id" | "sender_name" | "expires_at">;

/** What the card is told under. */
export const cardKey = ({ id }: Pick<Asked, "id">): string => `stranger:${id}`;

export function strangerCard(asked: Asked): { readonly text: string; readonly offer: Offer } {
  const { sender_id, expires_at: until } = asked;
  const instead = `${whoWrote(asked)}, and I do not know them. What they write is held for an hour.`;
  return {
    text: `${instead} Let them in with /senders allow ${sender_id} (or bellhop senders allow, also with the code that they were given), or turn them away with /senders deny ${sender_id}.`,
    offer: {
      instead,
      until,
      buttons: [
        { label: "Let them in", command: `/senders allow ${sender_id}` },
        { label: "Turn them away", command: `/senders deny ${sender_id}` },
      ],
    },
  };
}

/** By whom it was decided, in words; or that nobody did in time. */
export type Outcome = { readonly standing: "allowed" | "denied"; readonly by: string } | "expired";

export function closedCard(asked: Asked, outcome: Outcome): string {
  const words =
    outcome === "expired"
      ? "Nobody decided within the hour: what they wrote is dropped."
      : `${outcome.standing === "allowed" ? "Let in" : "Turned away"} by ${outcome.by}.`;
  return `${whoWrote(asked)}.\n\n${words}`;
}

function whoWrote({ chat_id, sender_id, sender_name }: Asked): string {
  return `${sender_name ?? "Somebody"} (${sender_id}) wrote to me in ${chat_id}`;
}
