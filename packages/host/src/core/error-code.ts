/** Node's system errors say by `code` what happened; everything else about them is for people. */

/** `ENOENT`, `EADDRINUSE`, …; undefined where the error has none. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

export function hasCode(error: unknown, code: string): boolean {
  return codeOf(error) === code;
}
