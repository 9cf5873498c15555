/** Rows as a terminal shows them. What stands in them came from people: each cell passes `plain`. */
import { plain } from "./plain.ts";

/** Columns as wide as what stands in them. */
export function table(rows: readonly (readonly string[])[]): string {
  const clean = rows.map((row) => row.map((cell) => plain(cell).replaceAll("\n", " ")));
  const columns = Math.max(0, ...clean.map((row) => row.length - 1));
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...clean.map((row) => row[column]?.length ?? 0)),
  );
  return clean
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join("");
}
