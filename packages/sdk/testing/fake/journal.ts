/** What a fake was really asked and what it really did: tests compare with this, never with the adapter. */
import type { PeerCall, PeerFault } from "../peer.ts";

export interface JournalEntry {
  /** Undefined: none of those that a peer knows. */
  readonly call: PeerCall | undefined;
  readonly method: string;
  readonly path: string;
  /** It changed something that people can see. */
  readonly applied: boolean;
  readonly status: number;
  readonly fault?: PeerFault["how"] | undefined;
  /** It came while the caller was told to wait. */
  readonly early?: boolean | undefined;
}

export interface Journal {
  readonly entries: readonly JournalEntry[];
  note(entry: JournalEntry): void;
  /** How many of that kind changed something. */
  applied(call: PeerCall): number;
  /** How many of that kind came, whatever became of them. */
  asked(call: PeerCall): number;
  /** How many came while the caller was told to wait. */
  early(): number;
}

export function createJournal(): Journal {
  const entries: JournalEntry[] = [];
  const count = (fits: (entry: JournalEntry) => boolean) => entries.filter(fits).length;
  return {
    entries,
    note: (entry) => void entries.push(entry),
    applied: (call) => count((one) => one.call === call && one.applied),
    asked: (call) => count((one) => one.call === call),
    early: () => count((one) => one.early === true),
  };
}
