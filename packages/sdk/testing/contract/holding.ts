/**
 * What an adapter holds on to, and how often it knocks, seen from outside it: by what the process it runs in tells.
 * So it is the same question to all of them, whatever they are made of.
 */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { getEventListeners } from "node:events";

/** Who waits for the signal, and what of the process keeps it alive: sockets, timers, files, its peer's among them. */
export function held(signal: AbortSignal): { readonly listeners: number; readonly resources: number } {
  return {
    listeners: getEventListeners(signal, "abort").length,
    resources: process.getActiveResourcesInfo().length,
  };
}

/** Counts the connections that this process begins from now on, those too that nobody answers. */
export function countKnocks(): Disposable & { readonly count: number } {
  let count = 0;
  const note = () => void (count += 1);
  subscribe("net.client.socket", note);
  return {
    get count() {
      return count;
    },
    [Symbol.dispose]: () => void unsubscribe("net.client.socket", note),
  };
}
