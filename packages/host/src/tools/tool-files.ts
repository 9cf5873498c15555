/** What `send_file` needs of the media store, and of the sandbox that its call came from. */
import type { FileId, TurnId } from "../core/ids.ts";
import type { Claim } from "../store/claims.ts";

export interface ToolFiles {
  /** @throws RejectedError when it cannot be read there, TemporaryError when it did not come */
  pull<T>(
    claim: Claim,
    path: string,
    /** `bytes`: how many are to come. */
    take: (source: AsyncIterable<unknown>, bytes?: number) => Promise<T>,
  ): Promise<T>;
  /** @throws RejectedError when it is too large or there is no room */
  receive(
    file: {
      readonly groupId: number;
      readonly turn: TurnId;
      readonly name: string;
      readonly maxBytes: number;
    },
    source: AsyncIterable<unknown>,
  ): Promise<{
    readonly id: FileId;
    readonly name: string;
    readonly type: string;
    readonly bytes: number;
    readonly sha256: string | null;
  }>;
  drop(id: FileId): Promise<void>;
}
