/** A message with a file, as a form that is sent while it is read: nothing of the file is held in memory. */
import { bytesOf, type OutboundFile } from "@bellhop/sdk";
import { randomBytes } from "node:crypto";

export function formOf(message: object, file: OutboundFile) {
  const boundary = `bellhop-${randomBytes(16).toString("hex")}`;
  // It stands in a header: without what would end it.
  const name = file.name.replace(/[\r\n"\\]/g, "_");
  const type = file.type.replace(/[\r\n]/g, "");
  const before = Buffer.from(
    [
      `--${boundary}`,
      'content-disposition: form-data; name="payload_json"',
      "content-type: application/json",
      "",
      JSON.stringify(message),
      `--${boundary}`,
      `content-disposition: form-data; name="files[0]"; filename="${name}"`,
      `content-type: ${type}`,
      "",
      "",
    ].join("\r\n"),
  );
  const after = Buffer.from(`\r\n--${boundary}--\r\n`);

  async function* body(): AsyncGenerator<Uint8Array> {
    yield before;
    yield* bytesOf(file);
    yield after;
  }

  return {
    headers: {
      "content-type": `multipart/form-data; boundary=${boundary}`,
      "content-length": String(before.length + file.bytes + after.length),
    },
    body: body(),
  };
}
