/**
 * Cold starts are bound by the processor: more at once than there are cores make every one of them
 * late. So at most that many go side by side, first come, first served.
 */
export function createStarts(most: number) {
  let free = most;
  const queue: (() => void)[] = [];

  return {
    /** Resolves when it is this start's turn; call the result once it is over, however it ended. */
    async enter(): Promise<() => void> {
      if (free > 0) free -= 1;
      else await new Promise<void>((resolve) => queue.push(resolve));
      let over = false;
      return () => {
        if (over) return;
        over = true;
        const next = queue.shift();
        if (next) next();
        else free += 1;
      };
    },
  };
}
