/**
 * How many tokens a text is, roughly: a quarter of its UTF-8 bytes. No tokenizer of any model; good
 * enough to keep a prompt within bounds.
 */
export function estimateTokens(text: string): number {
  return Math.ceil(Buffer.byteLength(text) / 4);
}
