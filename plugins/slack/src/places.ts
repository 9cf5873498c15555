/**
 * What Slack says of a message once and not again: in which thread it stands, and as which file of ours it was sent.
 * Only for reactions and deletions, which name a message by its time alone; what a restart forgets of it is missed
 * by nothing else.
 */
export type Places = ReturnType<typeof createPlaces>;

/** More messages than anybody still reacts to. */
const MOST = 5_000;

export function createPlaces() {
  const threads = new Map<string, string>();
  const files = new Map<string, string>();

  function keep(of: Map<string, string>, channel: string, ts: string, what: string): void {
    of.set(`${channel}/${ts}`, what);
    const [oldest] = of.keys();
    if (of.size > MOST && oldest !== undefined) of.delete(oldest);
  }

  return {
    thread: (channel: string, ts: string, thread: string) => keep(threads, channel, ts, thread),
    threadOf: (channel: string, ts: string) => threads.get(`${channel}/${ts}`),
    /** A file that we sent stands there. */
    sentAs: (channel: string, ts: string, file: string) => keep(files, channel, ts, file),
    /** As the outbox knows the message. */
    sentId: (channel: string, ts: string) => files.get(`${channel}/${ts}`) ?? ts,
  };
}
