/**
 * Where we are in what Discord tells: the session with the number of the last thing that is on disk, and for the
 * day on which Discord does not know the session any more, the last message of each chat (G4).
 *
 * It is stored with every message, so it is bounded: of the chats that were heard longest ago nothing is kept.
 */
import { z } from "zod";

const Session = z.object({
  id: z.string().min(1),
  seq: z.int().min(0),
  /** Where Discord wants it to be taken up again. */
  url: z.string().min(1),
});

const Place = z.object({
  session: Session.optional(),
  /** Channel and its last message, in the order in which they were heard. */
  heard: z.array(z.tuple([z.string(), z.string()])).default([]),
});
export type Place = Readonly<z.infer<typeof Place>>;

export const MOST_CHATS = 100;

export const NOWHERE: Place = { heard: [] };

/** A cursor that we did not write is none. */
export function placeFrom(cursor: string | undefined): Place {
  if (cursor === undefined) return NOWHERE;
  try {
    return Place.parse(JSON.parse(cursor));
  } catch {
    return NOWHERE;
  }
}

export const cursorOf = (place: Place): string => JSON.stringify(place);

/** A message of that channel is on disk. */
export function afterMessage({ session, heard }: Place, channel: string, message: string): Place {
  const before = heard.find(([one]) => one === channel)?.[1];
  const last = before !== undefined && BigInt(before) > BigInt(message) ? before : message;
  const others = heard.filter(([one]) => one !== channel);
  return {
    ...(session && { session }),
    heard: [...others, [channel, last] as [string, string]].slice(-MOST_CHATS),
  };
}

/** Everything up to that number is on disk. */
export function afterSeq(place: Place, seq: number): Place {
  return place.session ? { ...place, session: { ...place.session, seq } } : place;
}
