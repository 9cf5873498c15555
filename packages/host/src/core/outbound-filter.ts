/**
 * What may leave: the one filter that every visible text of an agent passes, deltas included.
 *
 * - `<internal>…</internal>` is the agent talking to itself: removed, closed or not.
 * - Secrets the host knows are hidden (known-secrets.ts), also where removing an internal part is what
 *   brought their halves together.
 * - Streaming: held back is only a suffix that may be the beginning of either, so that the output
 *   for a text is the same however it was cut into chunks.
 */
import type { HidingStream, KnownSecrets } from "./known-secrets.ts";

export function createOutboundFilter(secrets: KnownSecrets): HidingStream {
  const internal = stripInternal();
  const hidden = secrets.stream();
  return {
    push: (chunk) => hidden.push(internal.push(chunk)),
    end: () => hidden.push(internal.end()) + hidden.end(),
  };
}

/** A whole text at once. */
export function filterOutbound(text: string, secrets: KnownSecrets): string {
  const filter = createOutboundFilter(secrets);
  return filter.push(text) + filter.end();
}

const OPEN = "<internal>";
const CLOSE = "</internal>";

function stripInternal(): HidingStream {
  let held = "";
  let inside = false;

  function drain(last: boolean): string {
    let out = "";
    let from = 0;
    // By expression, not in a lower-case copy: some letters are longer in lower case, and the places
    // in the copy would be others. It also goes over the text once, however many tags there are.
    for (const { 0: tag, index } of held.matchAll(/<\/?internal>/gi)) {
      if ((tag.length === CLOSE.length) !== inside) continue;
      if (!inside) out += held.slice(from, index);
      from = index + tag.length;
      inside = !inside;
    }
    const end = last ? held.length : held.length - beginningOf(inside ? CLOSE : OPEN, held.slice(from));
    if (!inside) out += held.slice(from, end);
    held = held.slice(end);
    return out;
  }

  return {
    push(chunk) {
      held += chunk;
      return drain(false);
    },
    end() {
      const out = drain(true);
      held = "";
      inside = false;
      return out;
    },
  };
}

/** Length of the longest suffix of `text` that is a proper beginning of `tag`, in any case. */
function beginningOf(tag: string, text: string): number {
  const longest = Math.min(tag.length - 1, text.length);
  for (let length = longest; length > 0; length -= 1) {
    if (text.slice(-length).toLowerCase() === tag.slice(0, length)) return length;
  }
  return 0;
}
