/** What differs between two texts in sections, line by line. Pure. */
export interface Section {
  readonly title: string;
  readonly lines: readonly string[];
}

/** With `-` what is in the first alone and `+` what is in the second; sections without a difference are left out. */
export function differences(before: readonly Section[], after: readonly Section[]): readonly Section[] {
  const titles = new Set([...before, ...after].map(({ title }) => title));
  return [...titles].flatMap((title) => {
    const linesOf = (sections: readonly Section[]) =>
      sections.find((one) => one.title === title)?.lines ?? [];
    const lines = changes(linesOf(before), linesOf(after));
    return lines.length === 0 ? [] : [{ title, lines }];
  });
}

/** The longest common run of lines stays; beyond a few thousand lines, whole texts are taken for changed. */
function changes(before: readonly string[], after: readonly string[]): string[] {
  let start = 0;
  while (start < before.length && before[start] === after[start]) start += 1;
  let end = 0;
  while (end < Math.min(before.length, after.length) - start && before.at(-1 - end) === after.at(-1 - end))
    end += 1;
  const [a, b] = [before.slice(start, before.length - end), after.slice(start, after.length - end)];
  const [gone, come] = [(line: string) => `- ${line}`, (line: string) => `+ ${line}`];
  if (a.length * b.length > 4_000_000) return [...a.map(gone), ...b.map(come)];
  const common = Array.from({ length: a.length + 1 }, () => new Uint32Array(b.length + 1));
  const at = (i: number, j: number) => common[i]?.[j] ?? 0;
  for (let i = a.length - 1; i >= 0; i -= 1) {
    const row = common[i] ?? new Uint32Array(0);
    for (let j = b.length - 1; j >= 0; j -= 1) {
      row[j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const out: string[] = [];
  for (let i = 0, j = 0; i < a.length || j < b.length;) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      i += 1;
      j += 1;
    } else if (i < a.length && (j === b.length || at(i + 1, j) >= at(i, j + 1))) {
      out.push(gone(a[i] ?? ""));
      i += 1;
    } else {
      out.push(come(b[j] ?? ""));
      j += 1;
    }
  }
  return out;
}
