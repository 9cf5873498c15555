/**
 * A message on its way into the store and out again while its sender waits to be let in. The bytes of its
 * files stay with their platform: as long as this process lives they can be fetched afterwards.
 */
import { type Inbound, type InboundFile, RejectedError } from "@bellhop/sdk";
import type { ChatId } from "../core/ids.ts";
import type { HeldInbound } from "../store/newcomers.ts";

/** Strangers get no more room than that for one message. */
const MOST_TEXT = 64 * 1024;
const MOST_FILES = 20;
/** Messages whose files are remembered; all that can be held at a time. */
const MOST_MESSAGES = 1_000;
const CUT = "\n… (the rest was too long to be kept while you were unknown)";

export function heldInbound(inbound: Inbound & Pick<HeldInbound, "kind">): HeldInbound {
  const { platformId, kind, version, chat, chatTitle, direct, sender, nonText, mentionsUs, replyTo, sentAt } =
    inbound;
  const { threadOf, quote, forwarded } = inbound;
  const text = inbound.text.toWellFormed();
  return {
    platformId,
    kind,
    version,
    chat,
    ...(chatTitle === undefined ? {} : { chatTitle: chatTitle.slice(0, 1_000) }),
    ...(threadOf === undefined ? {} : { threadOf }),
    ...(direct === undefined ? {} : { direct }),
    sender: { id: sender.id, name: sender.name.slice(0, 1_000) },
    text: text.length <= MOST_TEXT ? text : `${text.slice(0, MOST_TEXT).toWellFormed()}${CUT}`,
    ...(nonText === undefined ? {} : { nonText: nonText.slice(0, 1_000) }),
    ...(mentionsUs === undefined ? {} : { mentionsUs }),
    ...(replyTo === undefined ? {} : { replyTo }),
    ...(quote === undefined ? {} : { quote: quote.slice(0, 1_000).toWellFormed() }),
    ...(forwarded === undefined ? {} : { forwarded: forwarded.slice(0, 1_000) }),
    ...(sentAt === undefined ? {} : { sentAt }),
    files: (inbound.files ?? []).slice(0, MOST_FILES).map(({ name, type, bytes }) => ({
      name: name.slice(0, 1_000),
      ...(type === undefined ? {} : { type: type.slice(0, 1_000) }),
      ...(bytes === undefined ? {} : { bytes }),
    })),
  };
}

export type HeldFiles = ReturnType<typeof createHeldFiles>;

export function createHeldFiles() {
  const known = new Map<string, readonly InboundFile[]>();
  const keyOf = (
    chat: ChatId,
    { platformId, kind, version }: Pick<Inbound, "platformId" | "kind" | "version">,
  ) => JSON.stringify([chat, platformId, kind, version]);

  return {
    keep(chat: ChatId, inbound: Inbound): void {
      if (!inbound.files?.length) return;
      known.set(keyOf(chat, inbound), inbound.files);
      const [oldest] = known.keys();
      if (known.size > MOST_MESSAGES && oldest !== undefined) known.delete(oldest);
    },

    /** The message as it came. Of files that came before the last start only the names are left. */
    give(chat: ChatId, held: HeldInbound): Inbound {
      const key = keyOf(chat, held);
      const sources = known.get(key);
      known.delete(key);
      return {
        ...held,
        files: held.files?.map((file, index) => sources?.[index] ?? { ...file, open: gone }),
      };
    },
  };
}

function gone(): Promise<never> {
  return Promise.reject(
    new RejectedError(
      "it was sent before its sender was let in, and Bellhop was restarted since; send it again",
    ),
  );
}
