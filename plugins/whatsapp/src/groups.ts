/**
 * What groups are called and who is in them, as WhatsApp said it last. It tells of changes; a group that changed is
 * asked for again when it is needed.
 */
import type { GroupMetadata } from "baileys";
import type { WhatsAppSocket } from "./socket.ts";

const MOST = 200;

/** @param socket the connection of this moment */
export function createGroups(socket: () => Pick<WhatsAppSocket, "groupMetadata"> | undefined) {
  const known = new Map<string, Promise<GroupMetadata | undefined>>();

  /** @throws what Baileys throws */
  async function find(jid: string): Promise<GroupMetadata | undefined> {
    const before = known.get(jid);
    if (before) return await before;
    const asked = socket()?.groupMetadata(jid);
    if (!asked) return undefined;
    const [oldest] = known.keys();
    if (known.size >= MOST && oldest !== undefined) known.delete(oldest);
    known.set(jid, asked);
    asked.catch(() => known.delete(jid));
    return await asked;
  }

  /** Its title is not worth a message. */
  const orNothing = (jid: string) => find(jid).catch(() => undefined);

  return {
    find,
    /** As far as it is known without asking. */
    cached: async (jid: string) => await known.get(jid)?.catch(() => undefined),
    titleOf: async (jid: string) => (await orNothing(jid))?.subject,

    async isAdmin(jid: string, who: string): Promise<boolean> {
      const group = await orNothing(jid);
      const admin = group?.participants.find(({ id, lid, phoneNumber }) =>
        [id, lid, phoneNumber].includes(who),
      );
      return Boolean(admin?.admin);
    },

    changed: (jid: string | undefined): void => void known.delete(jid ?? ""),
    forget: (): void => known.clear(),
  };
}
