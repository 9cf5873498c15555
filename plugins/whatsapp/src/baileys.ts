/**
 * What we use of Baileys, loaded when it is first needed. Its index would also load the tables of what WhatsApp Web tells
 * about its users, which nobody here sends: 4 MiB of a process that waits (docs/decisions/whatsapp-is-optional.md).
 */

/** From the second time on it is there already. */
export async function baileys() {
  const [{ default: makeWASocket }, utils, { DEFAULT_CONNECTION_CONFIG }, binary, { proto }] =
    await Promise.all([
      import("baileys/lib/Socket/index.js"),
      import("baileys/lib/Utils/index.js"),
      import("baileys/lib/Defaults/index.js"),
      import("baileys/lib/WABinary/index.js"),
      import("baileys/WAProto/index.js"),
    ]);
  const { addTransactionCapability, Browsers, BufferJSON, cleanMessage, decryptMessageNode, initAuthCreds } =
    utils;
  const { downloadContentFromMessage, generateMessageIDV2, generateWAMessage } = utils;
  const { decodeBinaryNode, encodeBinaryNode, jidNormalizedUser } = binary;
  return {
    addTransactionCapability,
    Browsers,
    BufferJSON,
    cleanMessage,
    DEFAULT_CONNECTION_CONFIG,
    decodeBinaryNode,
    decryptMessageNode,
    downloadContentFromMessage,
    encodeBinaryNode,
    generateMessageIDV2,
    generateWAMessage,
    initAuthCreds,
    jidNormalizedUser,
    makeWASocket,
    proto,
  };
}
