/** An object less what stands there as undefined: to be laid over another one. */
export function given<T extends object>(settings: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  // oxlint-disable-next-line no-unsafe-type-assertion -- what the filter leaves has no undefined
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}
