/**
 * The stream of what happens, kept alive. The browser comes back by itself after a break, with the id
 * of the last event; where it gives up (the host is gone, or says no), this asks again with patience.
 */
const FIRST_WAIT = 1000;
const LONGEST_WAIT = 15_000;
/** Browsers open six connections to a host: a tab that nobody looks at gives its one back. */
const HIDDEN_FOR = 5 * 60_000;

/**
 * @param {{ url: string, after: string, on: Record<string, (data: any) => void>,
 *   onOnline: () => void, onOffline: () => void }} options
 */
export function connect({ url, after, on, onOnline, onOffline }) {
  let source;
  let last = after;
  let wait = FIRST_WAIT;
  let timer;

  function open() {
    clearTimeout(timer);
    source?.close();
    source = new EventSource(`${url}?after=${encodeURIComponent(last)}`);
    source.addEventListener("open", () => {
      wait = FIRST_WAIT;
      onOnline();
    });
    source.addEventListener("error", () => {
      onOffline();
      if (source.readyState === EventSource.CLOSED) void openLater();
    });
    for (const [name, listener] of Object.entries(on)) {
      source.addEventListener(name, (event) => {
        if (event.lastEventId !== "") last = event.lastEventId;
        listener(JSON.parse(event.data));
      });
    }
  }

  async function openLater() {
    timer = setTimeout(open, wait);
    wait = Math.min(wait * 2, LONGEST_WAIT);
    // An EventSource does not say why it was refused.
    const answer = await fetch("/api/v1/chats").catch(() => undefined);
    if (answer?.status === 401) location.assign("/login");
  }

  let hidden;
  document.addEventListener("visibilitychange", () => {
    clearTimeout(hidden);
    if (document.hidden) hidden = setTimeout(() => source.close(), HIDDEN_FOR);
    else if (source.readyState === EventSource.CLOSED) open();
  });
  addEventListener("online", open);
  addEventListener("pageshow", (event) => event.persisted && open());
  open();
}
