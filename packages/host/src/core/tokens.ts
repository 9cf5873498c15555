/**
 * How many tokens a text is, roughly: a quarter of its UTF-8 bytes. No tokenizer of any model; good
 * enough to keep a prompt within bounds.
 */
export function tokensIn(bytes: number): number {
  return Math.ceil(bytes / 4);
}

export function estimateTokens(text: string): number {
  return tokensIn(Buffer.byteLength(text));
}
