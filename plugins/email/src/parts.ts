/**
 * What of a mail is its text and what are its files, by the structure that its server says, before a byte of either is
 * fetched. Of alternatives the plain text is read; pictures that a signature is decorated with are left where they are.
 */
import type { MessageStructureObject as Structure } from "imapflow";

export interface Part {
  /** As the server calls it. */
  readonly part: string;
  readonly type: string;
  /** Of the part as it is sent, in base64 mostly. */
  readonly bytes: number;
}
export interface FilePart extends Part {
  readonly name: string;
}

export interface Parts {
  readonly texts: readonly Part[];
  readonly files: readonly FilePart[];
}

const MOST_PARTS = 200;
const DECORATION_BYTES = 10_000;

export function partsOf(structure: Structure | undefined): Parts {
  const texts: Part[] = [];
  const files: FilePart[] = [];
  let seen = 0;

  function walk(node: Structure, related: boolean): void {
    seen += 1;
    if (seen > MOST_PARTS) return;
    const children = node.childNodes ?? [];
    const part = { part: node.part ?? "1", type: node.type.toLowerCase(), bytes: node.size ?? 0 };
    if (part.type === "multipart/alternative") {
      const best = children.find(isPlain) ?? children.findLast((child) => !isForPrograms(child));
      if (best) walk(best, related);
      // What stands beside the text that was taken is no other way to say it.
      for (const child of children)
        if (child !== best && child.type === "multipart/mixed") walk(child, related);
    } else if (part.type.startsWith("multipart/")) {
      for (const child of children) walk(child, related || part.type === "multipart/related");
    } else if (isText(node)) texts.push(part);
    else if (!(related && part.type.startsWith("image/") && part.bytes < DECORATION_BYTES))
      files.push({ ...part, name: nameOf(node) });
  }

  if (structure) walk(structure, false);
  return { texts, files };
}

function isPlain({ type }: Structure): boolean {
  return type.toLowerCase() === "text/plain";
}

function isForPrograms({ type }: Structure): boolean {
  return /^text\/(?:calendar|x-amp-html|enriched|watch-html)$/i.test(type);
}

function isText({ type, disposition, dispositionParameters, parameters }: Structure): boolean {
  const named = dispositionParameters?.["filename"] ?? parameters?.["name"];
  return /^text\/(?:plain|html)$/i.test(type) && disposition !== "attachment" && named === undefined;
}

function nameOf({ type, dispositionParameters, parameters, envelope, part }: Structure): string {
  const named = dispositionParameters?.["filename"] ?? parameters?.["name"];
  if (named !== undefined && named !== "") return named;
  if (type.toLowerCase() === "message/rfc822") return `${envelope?.subject ?? "mail"}.eml`;
  return `part-${part ?? "1"}`;
}
