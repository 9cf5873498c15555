/** What people read of a text on WhatsApp. */
export function readStars(text: string): string {
  return text.trim();
}
