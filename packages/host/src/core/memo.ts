/**
 * What is slow to make and asked for again is made once. At most `most` results are held: the one made
 * first leaves first, and is made again when it is asked for again.
 */
export function memo<K extends string | number, V extends object | number>(
  most: number,
  make: (key: K) => V,
): (key: K) => V {
  const made = new Map<K, V>();

  return (key) => {
    const known = made.get(key);
    if (known !== undefined) return known;
    const value = make(key);
    const [first] = made.keys();
    if (first !== undefined && made.size >= most) made.delete(first);
    made.set(key, value);
    return value;
  };
}
