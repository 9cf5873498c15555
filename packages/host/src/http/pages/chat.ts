/** The page of one chat: the chats there are, what was said, and where to write. */
import { html } from "hono/html";
import type { DurableEvent, EventId } from "../../core/events.ts";
import { chatAddress, type ChatId } from "../../core/ids.ts";
import type { Assets } from "../assets.ts";
import type { ChatSummary } from "../host.ts";
import { renderMessages } from "./message.ts";
import { renderPage } from "./page.ts";

export interface ChatPage {
  readonly assets: Assets;
  readonly assistant: string;
  readonly chats: readonly ChatSummary[];
  /** Undefined: the page of a chat that comes into being with its first message. */
  readonly chat: Pick<ChatSummary, "id" | "title" | "channel"> | undefined;
  readonly history: { readonly events: readonly DurableEvent[]; readonly more: boolean };
  /** Everything stands still (G27). */
  readonly paused: boolean;
  /** The stream goes on after this one. */
  readonly after: EventId;
}

export function renderChatPage({ assets, assistant, chats, chat, history, paused, after }: ChatPage) {
  const title = chat === undefined ? "New chat" : chatTitle(chat);
  const writable = chat === undefined || isOurs(chat.id);
  const oldest = history.events[0]?.id ?? 0;
  return renderPage({
    title: `${title} · ${assistant}`,
    assets,
    script: "chat.js",
    bodyClass: "chat",
    body: html`<a class="skip" href="#text">Skip to writing</a>
      <nav id="chats" aria-label="Chats">
        <div class="brand"><img src="/assets/bell.svg" alt="" width="26" height="26" /> ${assistant}</div>
        <a class="new" href="/chats/new" ${chat === undefined ? html`aria-current="page"` : ""}>New chat</a>
        <ul>
          ${chats.map((other) => renderChatLink(other, other.id === chat?.id))}
        </ul>
        <a class="approvals" href="/approvals">Approvals</a>
        <button type="button" id="logout" class="quiet">Log out</button>
      </nav>
      <main
        data-chat="${chat?.id ?? ""}"
        data-after="${after}"
        data-oldest="${oldest}"
        data-assistant="${assistant}"
      >
        <header class="top">
          <button type="button" id="menu" class="quiet" aria-expanded="false" aria-controls="chats">
            Chats
          </button>
          <h1>${title}</h1>
        </header>
        <p id="offline" role="status" hidden></p>
        <p id="paused" role="status" ${paused ? "" : html`hidden`}>
          Bellhop is paused. What you write is kept, and answered once the owner ends the pause: /resume
        </p>
        <div class="scroll" tabindex="0" role="region" aria-label="Conversation">
          <div class="column">
            <button type="button" id="earlier" class="quiet" ${history.more ? "" : html`hidden`}>
              Load earlier messages
            </button>
            ${history.events.length === 0 ? renderWelcome(assistant) : ""}
            <div id="log" role="log" aria-live="polite" aria-relevant="additions" aria-label="Messages">
              ${renderMessages(history.events, assistant)}
            </div>
            <section
              id="live"
              class="message theirs"
              aria-live="off"
              aria-label="Answer being written"
              hidden
            >
              <header><span class="who">${assistant}</span></header>
              <div class="text plain"></div>
              <p class="activity"><span class="dots" aria-hidden="true"></span><span class="doing"></span></p>
            </section>
            <p id="announce" class="unseen" role="status"></p>
          </div>
        </div>
        ${writable ? renderComposer(assistant) : renderReadOnly(chat)}
      </main>
      <noscript><p class="noscript">The web chat needs JavaScript.</p></noscript>`,
  });
}

function renderChatLink(chat: ChatSummary, current: boolean) {
  const { channel } = chatAddress(chat.id);
  return html`<li>
    <a href="${chatHref(chat.id)}" data-chat="${chat.id}" ${current ? html`aria-current="page"` : ""}>
      <span class="name">${chatTitle(chat)}</span>${
        channel === "web" ? "" : html`<span class="badge">${channel}</span>`
      }
    </a>
  </li>`;
}

function renderWelcome(assistant: string) {
  return html`<div class="welcome">
    <img src="/assets/bell.svg" alt="" width="64" height="64" />
    <h2>How can I help?</h2>
    <p>Write below. ${assistant} answers here, and remembers what you ask it to remember.</p>
  </div>`;
}

function renderComposer(assistant: string) {
  return html`<form id="composer" class="composer">
    <ul id="attached" aria-label="Files to send" hidden></ul>
    <div class="box">
      <input type="file" id="files" multiple hidden />
      <button type="button" id="attach" aria-label="Attach files">
        <svg viewBox="0 0 24 24" width="20" height="20" aria-hidden="true">
          <path
            d="M20 11.5l-8.2 8.2a5 5 0 0 1-7-7L13 4.4a3.3 3.3 0 0 1 4.7 4.7l-8.2 8.2a1.7 1.7 0 0 1-2.4-2.4l7.5-7.5"
            fill="none"
            stroke="currentColor"
            stroke-width="1.8"
          />
        </svg>
      </button>
      <label class="unseen" for="text">Message to ${assistant}</label>
      <textarea
        id="text"
        rows="1"
        placeholder="Message ${assistant}"
        aria-describedby="keys"
        enterkeyhint="send"
      ></textarea>
      <button type="submit" id="send" aria-label="Send">
        <svg viewBox="0 0 24 24" width="20" height="20" aria-hidden="true">
          <path d="M12 19V5M5 12l7-7 7 7" fill="none" stroke="currentColor" stroke-width="2.2" />
        </svg>
      </button>
    </div>
    <p id="keys" class="keys"><kbd>Enter</kbd> sends, <kbd>Shift</kbd>+<kbd>Enter</kbd> starts a new line</p>
  </form>`;
}

function renderReadOnly(chat: ChatPage["chat"]) {
  return html`<p class="composer keys">
    This chat lives in ${chat?.channel ?? "another place"}: write to it there.
  </p>`;
}

export const chatHref = (id: ChatId) => `/chats/${encodeURIComponent(id)}`;

/** Chats that the web may write to. What is written elsewhere would be seen by nobody there. */
const isOurs = (id: ChatId) => ["web", "terminal"].includes(chatAddress(id).channel);

export function chatTitle({ id, title }: Pick<ChatSummary, "id" | "title">): string {
  if (title !== null) return title;
  const { channel, native } = chatAddress(id);
  if (channel !== "web") return native;
  // Ids that we made up say nothing to anybody; those that somebody chose do.
  return native.length >= 20 ? "Untitled chat" : native.charAt(0).toUpperCase() + native.slice(1);
}
