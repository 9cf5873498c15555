/**
 * A heap whose members can be taken out of its middle. Who comes first is known at once; everything
 * else costs the logarithm of how many there are. What `before` looks at must not change while a member
 * is in it.
 */
export interface Heap<T extends object> {
  readonly first: T | undefined;
  readonly size: number;
  /** Does nothing for what is in it. */
  put(item: T): void;
  /** Does nothing for what is not in it. */
  remove(item: T): void;
}

export function createHeap<T extends object>(before: (a: T, b: T) => boolean): Heap<T> {
  const items: T[] = [];
  const places = new Map<T, number>();

  function settle(item: T, at: number): void {
    items[at] = item;
    places.set(item, at);
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
      if (!places.has(item)) rise(item, items.length);
    },
    remove(item) {
      const at = places.get(item);
      if (at === undefined) return;
      places.delete(item);
      const last = items.pop();
      if (last && last !== item) sink(last, rise(last, at));
    },
  };
}
