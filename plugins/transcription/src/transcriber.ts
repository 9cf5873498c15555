/** What makes text of a recording: a program (command.ts) or a service (endpoint.ts). */

/**
 * @param file of this machine; its name ends as recordings of its kind do
 * @param signal aborts when its time is over, or the plugin's
 * @returns what was said; may be empty
 * @throws BellhopError whose sentence says why not, without a word of what was said
 */
export type Transcribe = (file: string, signal: AbortSignal) => Promise<string>;

/** Some three hours of speech. More is a program that went astray. */
export const MOST_TEXT = 256 * 1024;
