/** Types of files that a browser may show in place: bytes that only ever become pixels. */
export const SHOWN: ReadonlySet<string> = new Set(["image/png", "image/jpeg", "image/gif", "image/webp"]);
