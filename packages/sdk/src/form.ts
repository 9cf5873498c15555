/**
 * A form with a file (multipart/form-data), for the body of a request: it goes out while the file is read, so nothing
 * of the file is held in memory, and how long it is stands at its head.
 */
import type { OutboundFile } from "./channel.ts";
import { bytesOf } from "./sending.ts";

export interface FormParts {
  readonly fields: readonly {
    readonly name: string;
    readonly value: string;
    /** Where it is more than plain text. */
    readonly type?: string | undefined;
  }[];
  readonly file: {
    /** Of its field. */
    readonly name: string;
    readonly content: OutboundFile;
    /** What it is declared as; its own type where it is absent. */
    readonly type?: string | undefined;
  };
}

/**
 * The headers and the body of a request; the body can be sent once.
 * @param boundary what separates its parts, and stands nowhere in them
 */
export function formOf({ fields, file }: FormParts, boundary = `bellhop-${crypto.randomUUID()}`) {
  const { name, content, type = content.type } = file;
  const before = Buffer.from(
    [
      ...fields.map((field) => `${head({ boundary, ...field })}${field.value}\r\n`),
      head({ boundary, name, type, filename: content.name }),
    ].join(""),
  );
  const after = Buffer.from(`\r\n--${boundary}--\r\n`);

  async function* body(): AsyncGenerator<Uint8Array> {
    yield before;
    yield* bytesOf(content);
    yield after;
  }

  return {
    headers: {
      "content-type": `multipart/form-data; boundary=${boundary}`,
      "content-length": String(before.length + content.bytes + after.length),
    },
    body: body(),
  };
}

interface Head {
  readonly boundary: string;
  readonly name: string;
  readonly type?: string | undefined;
  readonly filename?: string | undefined;
}

function head({ boundary, name, type, filename }: Head): string {
  const disposition = [
    `name=${inQuotes(name)}`,
    ...(filename === undefined ? [] : [`filename=${inQuotes(filename)}`]),
  ];
  const lines = [
    `--${boundary}`,
    `content-disposition: form-data; ${disposition.join("; ")}`,
    ...(type === undefined ? [] : [`content-type: ${harmless(type)}`]),
  ];
  return `${lines.join("\r\n")}\r\n\r\n`;
}

/** A name as it stands in a header. */
export function inQuotes(name: string): string {
  return `"${harmless(name)}"`;
}

/** Without what would end the quotes, or the header. */
function harmless(text: string): string {
  return text.replaceAll(/[\p{Cc}"\\]/gu, "_");
}
