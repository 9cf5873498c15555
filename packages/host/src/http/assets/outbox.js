/**
 * What this tab has yet to hand over. A text stays here, over reloads too, until the host has said that
 * it is on disk; it goes with an id of its own, so that handing it over twice makes one message.
 * One after the other, so that the order is the person's.
 */
const HEADERS = { "Content-Type": "application/json", "X-Bellhop": "web" };

/** The host took it and says no: sending it again cannot help. */
export class Refused extends Error {}

/** @returns {Promise<any>} what the API answered */
export async function post(path, body) {
  const response = await fetch(path, { method: "POST", headers: HEADERS, body: JSON.stringify(body) });
  if (response.status === 401) location.assign("/login");
  if (response.ok) return response.status === 204 ? undefined : await response.json();
  const problem = await response.json().catch(() => undefined);
  const message = problem?.error?.message ?? `Bellhop answered with ${response.status}.`;
  throw response.status < 500 && response.status !== 401 ? new Refused(message) : new Error(message);
}

/**
 * @param {{ chat: string, onAccepted: (entry: any, answer: any) => void,
 *   onUnsent: (entry: any) => void, onRefused: (entry: any, why: string) => void }} options
 */
export function createOutbox({ chat, onAccepted, onUnsent, onRefused }) {
  const key = `unsent ${chat}`;
  let entries = JSON.parse(sessionStorage.getItem(key) ?? "[]");
  let sending = false;

  function keep(next) {
    entries = next;
    sessionStorage.setItem(key, JSON.stringify(entries));
  }

  async function send() {
    if (sending) return;
    sending = true;
    try {
      for (let entry = entries[0]; entry !== undefined; entry = entries[0]) {
        const rest = () => entries.filter(({ id }) => id !== entry.id);
        try {
          const { id, text, files } = entry;
          const answer = await post(`/api/v1/chats/${encodeURIComponent(chat)}/messages`, {
            id,
            text,
            files,
          });
          keep(rest());
          onAccepted(entry, answer);
        } catch (error) {
          if (!(error instanceof Refused)) throw error;
          keep(rest());
          onRefused(entry, error.message);
        }
      }
    } catch {
      // Nobody knows whether it arrived; the id makes trying again safe.
      for (const entry of entries) onUnsent(entry);
    } finally {
      sending = false;
    }
  }

  return {
    entries: () => entries,
    /** @param {{ id: string, text: string, files?: string[], names?: string[] }} entry `names` are for the page alone */
    add(entry) {
      keep([...entries, entry]);
      void send();
    },
    send,
  };
}
