/** A strict fake of what a host gives the plugin: files, holds that can be ended once, a state that outlives a process. */
import { type InboundEvent, type InboundVerdict, type Json, RejectedError } from "@bellhop/sdk";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { Transcribe } from "../src/transcriber.ts";
import { createVoiceNotes, type VoiceNotesParts } from "../src/voice-notes.ts";

export type Released = Pick<InboundVerdict, "text" | "note">;

const silent = { debug() {}, info() {}, warn() {}, error() {} };

export async function openFakeHost() {
  const folder = await mkdtemp(join(tmpdir(), "bellhop-transcription-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const files = new Map<string, string>();
  const kept = new Map<string, Json>();
  const held = new Set<string>();
  const released = new Map<string, Released>();
  const lines: string[] = [];
  const say = (text: string, fields?: object) => void lines.push(`${text} ${JSON.stringify(fields ?? {})}`);

  const host: VoiceNotesParts["host"] = {
    async release(id, verdict = {}) {
      if (!held.delete(id)) throw new RejectedError(`transcription holds no message ${id}`);
      released.set(id, verdict);
    },
    async file(id) {
      const content = files.get(id);
      if (content === undefined) throw new RejectedError(`${id} is no file that transcription can read`);
      return (async function* () {
        yield Buffer.from(content);
      })();
    },
  };
  const state: VoiceNotesParts["state"] = {
    get: async (key) => kept.get(key),
    async set(key, value) {
      if (JSON.stringify(value).length > 64 * 1024) throw new RejectedError("a value is too large");
      kept.set(key, value);
    },
    delete: async (key) => void kept.delete(key),
    keys: async (prefix = "") => [...kept.keys()].filter((key) => key.startsWith(prefix)),
  };

  /** One process of the plugin's. `end` is what a host that stops it does. */
  function startPlugin(transcribe: Transcribe, plan: Partial<VoiceNotesParts["plan"]> = {}) {
    const over = new AbortController();
    let next = 0;
    const notes = createVoiceNotes({
      plan: { answeredOnly: true, maxBytes: 1_000, timeoutMs: 20_000, ...plan },
      transcribe,
      folder,
      host,
      state,
      log: { ...silent, info: say, warn: say, error: say },
      signal: over.signal,
      randomId: () => String((next += 1)),
    });
    /** As the host asks it, and holds what it wants held. */
    async function hears(event: InboundEvent): Promise<InboundVerdict | undefined> {
      const verdict = await notes.onInbound(event);
      if (verdict?.hold) held.add(event.id);
      return verdict;
    }
    return { ...notes, hears, end: () => over.abort(new Error("the plugin ends")) };
  }

  return { folder, files, kept, held, released, lines, startPlugin };
}

export function voiceNote(id: string, more: Partial<InboundEvent> = {}): InboundEvent {
  return {
    id,
    chat: "web:1",
    group: "main",
    sender: { id: "web:owner", name: "Ann", role: "owner" },
    text: "",
    files: [{ id: `${id}-file`, name: "voice.ogg", type: "audio/ogg", bytes: 8 }],
    answered: true,
    ...more,
  };
}
