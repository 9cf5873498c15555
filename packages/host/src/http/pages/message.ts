/** One message of a chat as HTML, the same in a page, in a stretch of history and in the stream. */
import { html, raw } from "hono/html";
import type { DurableEvent, MessageEvent, SharedFile, ShownButtons, TurnEvent } from "../../core/events.ts";
import { chatAddress } from "../../core/ids.ts";
import { sizeInWords } from "../../core/size.ts";
import { SHOWN } from "../shown.ts";
import { renderMarkdown } from "../markdown.ts";

/** What became of a person's message. `view.js` sets the same names as turns go on. */
type MessageState = "sent" | "working" | "answered" | "failed" | "cancelled" | "noted";

export interface Told {
  readonly state: MessageState;
  readonly detail: string;
}

/** @param assistant who speaks where the event names nobody else */
export function renderMessage(event: MessageEvent, assistant: string, told?: Told) {
  const mine = isMine(event);
  const side = event.kind === "notice" ? "notice" : mine ? "mine" : "theirs";
  const who = mine ? "You" : event.sender || assistant;
  return html`<article
    class="message ${side}"
    data-event="${event.id}"
    data-message="${event.message}"
    data-turn="${event.turn ?? ""}"
    aria-label="${who}"
  >
    <header><span class="who">${who}</span> ${renderTime(event.at)}</header>
    ${renderBody(event)}${renderButtons(event)}${renderFiles(event.files ?? [])}${event.direction === "in" ? renderState(told ?? ownState(event)) : ""}
  </article>`;
}

/** Messages in the order of their events, each with what these events say of it. */
export function renderMessages(events: readonly DurableEvent[], assistant: string) {
  const told = new Map<string, Told>();
  for (const event of events) {
    if (event.type === "turn") for (const input of event.inputs) told.set(input, turnState(event));
  }
  const messages = events.filter((event) => event.type === "message");
  return html`${messages.map((event) => renderMessage(event, assistant, told.get(event.message)))}`;
}

function isMine({ direction, chat }: MessageEvent): boolean {
  const { channel } = chatAddress(chat);
  return direction === "in" && (channel === "web" || channel === "terminal");
}

/** Pressed, they are answered in this chat. `view.js` takes them away when their time is over. */
function renderButtons(event: MessageEvent) {
  if (!pressable(event)) return "";
  const { until, buttons } = event.buttons;
  return html`<p class="buttons" data-until="${until}">
    ${buttons.map(({ id, label }) => html`<button type="button" data-press="${id}">${label}</button> `)}
  </p>`;
}

function pressable(event: MessageEvent): event is MessageEvent & { buttons: ShownButtons } {
  const { channel } = chatAddress(event.chat);
  return event.buttons !== undefined && (channel === "web" || channel === "terminal");
}

function renderBody(event: MessageEvent) {
  const { kind, direction } = event;
  const text = pressable(event) ? event.buttons.instead : event.text;
  switch (kind) {
    case "text":
    case "file":
    case "note":
    case "command":
      // People's own text stands as they wrote it; only an answer is markdown.
      return direction === "in"
        ? html`<div class="text plain">${text}</div>`
        : html`<div class="text">${raw(renderMarkdown(text))}</div>`;
    case "notice":
      return html`<div class="text plain">${text}</div>`;
    case "reaction":
      if (text === "") return html`<div class="text plain">took the reaction away</div>`;
      return html`<div class="text reaction">
        <span aria-hidden="true">${text}</span><span class="unseen">reacted with ${text}</span>
      </div>`;
    default:
      return kind satisfies never;
  }
}

function renderFiles(files: readonly SharedFile[]) {
  if (files.length === 0) return "";
  return html`<ul class="files" aria-label="Files">
    ${files.map((file) => html`<li>${renderFile(file)}</li>`)}
  </ul>`;
}

/** Pictures are shown; everything else is a link to save it. */
function renderFile({ id, name, type, bytes, state, reason }: SharedFile) {
  if (state === "coming") return html`<span class="missing">${name} is on its way</span>`;
  if (state === "stub")
    return html`<span class="missing">${name} is missing: ${reason ?? "nobody knows why"}</span>`;
  const href = `/api/v1/files/${id}`;
  return SHOWN.has(type)
    ? html`<a class="picture" href="${href}"><img src="${href}" alt="${name}" loading="lazy" /></a>`
    : html`<a class="file" href="${href}" download="${name}">${name} <span>${sizeInWords(bytes)}</span></a>`;
}

function renderState({ state, detail }: Told) {
  return html`<footer class="state" data-state="${state}">${detail}</footer>`;
}

/** Script turns it into the reader's own zone and language. */
function renderTime(at: number) {
  const iso = new Date(at).toISOString();
  return html`<time datetime="${iso}">${iso.slice(11, 16)}</time>`;
}

function ownState({ kind, reason }: MessageEvent): Told {
  if (kind === "reaction") return { state: "noted", detail: "" };
  if (kind === "command") return { state: "answered", detail: "" }; // by what stands below it
  if (kind !== "note") return { state: "sent", detail: "Sent" };
  return {
    state: "noted",
    detail: reason === undefined ? "Kept, without an answer" : `No answer: ${reason}`,
  };
}

export function turnState({ state, reason, replies }: TurnEvent): Told {
  switch (state) {
    case "started":
    case "retrying":
      return { state: "working", detail: "Being answered" };
    case "done":
      return { state: "answered", detail: "" };
    case "failed":
      // Where the assistant said so in the chat, saying it here again would be noise.
      return {
        state: "failed",
        detail: reason === undefined || replies.length > 0 ? "Not answered" : `Not answered: ${reason}`,
      };
    case "cancelled":
      return { state: "cancelled", detail: "Stopped" };
    default:
      return state satisfies never;
  }
}
