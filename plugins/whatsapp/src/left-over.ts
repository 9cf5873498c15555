/**
 * What the spool holds of an account that WhatsApp has unlinked (G1). It was confirmed, so nobody brings it again, and
 * there is no connection any more over which Baileys would read it. None is needed: the keys that open it are still
 * in the same file. What they do not open comes out as Baileys makes it, a message of which there is nothing but that.
 */
import type { WAMessage } from "baileys";
import type { Logger } from "@bellhop/sdk";
import type { Account } from "./account.ts";
import { baileys } from "./baileys.ts";
import { quietly } from "./logging.ts";
import { rememberingRepository } from "./spool.ts";

/** Oldest first. */
export async function openLeftOver(
  { keys, spool }: Pick<Account, "keys" | "spool">,
  log: Logger,
): Promise<WAMessage[]> {
  const stanzas = await spool.leftOver();
  const creds = keys.creds();
  const { me } = creds;
  if (stanzas.length === 0 || !me) return [];
  const { addTransactionCapability, cleanMessage, decryptMessageNode, DEFAULT_CONNECTION_CONFIG } =
    await baileys();
  const { makeSignalRepository, transactionOpts } = DEFAULT_CONNECTION_CONFIG;
  const logger = quietly(log);
  const kept = addTransactionCapability(keys.keys, logger, transactionOpts);
  const repository = rememberingRepository(makeSignalRepository)({ creds, keys: kept }, logger);
  const [myId, myLid] = [me.id, me.lid ?? ""];
  const messages: WAMessage[] = [];
  try {
    for (const stanza of stanzas) {
      try {
        const { fullMessage, decrypt } = decryptMessageNode(stanza, myId, myLid, repository, logger);
        await decrypt();
        cleanMessage(fullMessage, myId, myLid);
        messages.push(fullMessage);
      } catch (error) {
        log.warn("a stanza that is no message was left out", { why: String(error) });
      }
    }
  } finally {
    repository.close?.();
  }
  return messages;
}
