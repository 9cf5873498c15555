/** One business number's side of WhatsApp: the people who write to it, what stands in their chats, and the files. */
import type { PeerPerson } from "@bellhop/sdk/testing";

export interface FakeFile {
  readonly name: string;
  readonly type: string;
  readonly content: Uint8Array;
}

export interface FakeMessage {
  readonly id: string;
  /** `us`: the business. */
  readonly from: PeerPerson | "us";
  text: string;
  /** As the Graph API calls it: `text`, `image`, `template`, … */
  readonly type: string;
  readonly replyTo?: string | undefined;
  readonly file?: FakeFile | undefined;
  readonly buttons?: readonly { readonly id: string; readonly label: string }[] | undefined;
  reaction?: string | undefined;
}

export interface FakePerson {
  readonly person: PeerPerson;
  /** What they are called with this business, whether or not they hide their number. */
  readonly userId: string;
  hidesNumber: boolean;
  /** ms since 1970. */
  wroteAt: number;
  readonly messages: FakeMessage[];
  typings: number;
}

export type World = ReturnType<typeof createWorld>;

export function createWorld(now: () => number) {
  const people = new Map<string, FakePerson>();
  const files = new Map<string, FakeFile>();
  let ids = 0;

  return {
    people,
    files,
    now,
    nextId: () => `wamid.HBgLNDkxNTExMjM0${String(++ids).padStart(6, "0")}`,

    /** By their number. They have just written something that is not seen here. */
    open(person: PeerPerson): FakePerson {
      const known = people.get(person.id);
      if (known) return known;
      const opened: FakePerson = {
        person,
        userId: `DE.${person.id.padStart(15, "9")}`,
        hidesNumber: false,
        wroteAt: now(),
        messages: [],
        typings: 0,
      };
      people.set(person.id, opened);
      return opened;
    },

    /** By their number, or by their id with the business. */
    find({ to, recipient }: { readonly to?: string | undefined; readonly recipient?: string | undefined }) {
      if (to !== undefined) return people.get(to);
      return [...people.values()].find(({ userId }) => userId === recipient);
    },

    holder: (messageId: string) =>
      [...people.values()].find(({ messages }) => messages.some(({ id }) => id === messageId)),

    keep(file: FakeFile): string {
      const id = String(900_000_000 + files.size);
      files.set(id, file);
      return id;
    },
  };
}
