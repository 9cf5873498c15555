/**
 * A heap whose members can be taken out of its middle. Who comes first is known at once; everything
 * else costs the logarithm of how many there are. What `before` looks at must not change while a member
 * is in it.
 */
export interface Member {
  /** Where it stands in each heap that it may be in: written by them alone, so that nothing is looked up. */
  readonly at: number[];
}

export interface Heap<T extends Member> {
  readonly first: T | undefined;
  readonly size: number;
  /** Does nothing for what is in it. */
  put(item: T): void;
  /** Does nothing for what is not in it. */
  remove(item: T): void;
}

/** @param slot which number of `at` is this heap's */
export function createHeap<T extends Member>(slot: number, before: (a: T, b: T) => boolean): Heap<T> {
  const items: T[] = [];

  const placeOf = (item: T): number | undefined => {
    const at = item.at[slot] ?? -1;
    return items[at] === item ? at : undefined;
  };

  function settle(item: T, at: number): void {
    items[at] = item;
    item.at[slot] = at;
  }

  /** @returns where it came to stand */
  function rise(item: T, from: number): number {
    let at = from;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = items[above];
      if (!parent || !before(item, parent)) break;
      settle(parent, at);
      at = above;
    }
    settle(item, at);
    return at;
  }

  function sink(item: T, from: number): void {
    let at = from;
    for (;;) {
      const left = items[2 * at + 1];
      const right = items[2 * at + 2];
      const child = left && right && before(right, left) ? right : left;
      if (!child || !before(child, item)) break;
      settle(child, at);
      at = 2 * at + (child === left ? 1 : 2);
    }
    settle(item, at);
  }

  return {
    get first() {
      return items[0];
    },
    get size() {
      return items.length;
    },
    put(item) {
      if (placeOf(item) === undefined) rise(item, items.length);
    },
    remove(item) {
      const at = placeOf(item);
      if (at === undefined) return;
      item.at[slot] = -1;
      const last = items.pop();
      if (last && last !== item) sink(last, rise(last, at));
    },
  };
}
