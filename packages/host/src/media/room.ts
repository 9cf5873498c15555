/**
 * How much of the disk each group's files take. Counted here, because rows lag behind what is being
 * written just now; one host holds the home, so nobody else writes.
 */
import { RejectedError } from "@bellhop/sdk";
import { sizeInWords } from "../core/size.ts";

/** It is larger than a file may be. */
export class TooLargeError extends RejectedError {}

/** The group has no room left. */
export class NoRoomError extends RejectedError {}

export interface Share {
  /** @throws TooLargeError, NoRoomError before the bytes are counted */
  take(bytes: number): void;
  /** They do not stay. Safe to call again. */
  giveBack(): void;
}

export interface RoomLimits {
  readonly groupBytes: number;
  /** What rows say that a group has, asked once a group. */
  readonly bytesOf: (groupId: number) => Promise<number>;
}

export function createRoom({ groupBytes, bytesOf }: RoomLimits) {
  const used = new Map<number, Promise<{ bytes: number }>>();

  function of(groupId: number): Promise<{ bytes: number }> {
    const known = used.get(groupId);
    if (known) return known;
    const asked = bytesOf(groupId).then((bytes) => ({ bytes }));
    asked.catch(() => used.delete(groupId));
    used.set(groupId, asked);
    return asked;
  }

  return {
    async share(groupId: number, fileBytes: number): Promise<Share> {
      const group = await of(groupId);
      let taken = 0;
      return {
        take(bytes) {
          if (taken + bytes > fileBytes) throw new TooLargeError(tooLarge(fileBytes));
          if (group.bytes + bytes > groupBytes)
            throw new NoRoomError(
              `there is no room left for files: this group has its ${sizeInWords(groupBytes)} (limits.mediaMb)`,
            );
          taken += bytes;
          group.bytes += bytes;
        },
        giveBack() {
          group.bytes -= taken;
          taken = 0;
        },
      };
    },

    async free(groupId: number, bytes: number): Promise<void> {
      (await of(groupId)).bytes -= bytes;
    },
  };
}

export function tooLarge(limit: number): string {
  return `the file is larger than the ${sizeInWords(limit)} allowed`;
}
