/** Voice notes on every channel, as text that the agent reads (docs/transcription.md). */
import { definePlugin } from "@bellhop/sdk";
import { randomUUID } from "node:crypto";
import { byCommand } from "./command.ts";
import { byEndpoint } from "./endpoint.ts";
import { planOf } from "./settings.ts";
import { createVoiceNotes } from "./voice-notes.ts";

export default definePlugin((context) => {
  const plan = planOf(context.settings, context.environment);
  const { by } = plan;
  const transcribe =
    by.how === "command" ? byCommand(by.argv, process.env) : byEndpoint(by, globalThis.fetch);
  const { onStartup, onInbound } = createVoiceNotes({ ...context, plan, transcribe, randomId: randomUUID });
  return { hooks: { onStartup, onInbound } };
});
