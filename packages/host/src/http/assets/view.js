/** What the page shows: messages, their states, and the answer that is being written. */
const $ = (selector) => document.querySelector(selector);
const log = $("#log");
const live = $("#live");
const liveText = live.querySelector(".text");
const doing = live.querySelector(".doing");
const scroll = $(".scroll");

const today = () => new Date().toDateString();

export function formatTimes(root) {
  for (const time of root.querySelectorAll("time")) {
    const at = new Date(time.dateTime);
    const clock = { hour: "2-digit", minute: "2-digit" };
    const day = at.toDateString() === today() ? {} : { day: "numeric", month: "short" };
    time.textContent = new Intl.DateTimeFormat(undefined, { ...day, ...clock }).format(at);
    time.title = at.toLocaleString();
  }
}

/** Whether the reader is where the newest is: then that is where they stay. */
let atEnd = true;
scroll.addEventListener("scroll", () => {
  atEnd = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 80;
});
// A keyboard that comes up on a phone, a window made smaller, a growing text to send.
new ResizeObserver(() => atEnd && toEnd()).observe(scroll);

/** Runs a change, and stays at the end of the chat if that is where the reader was. */
export function changing(change) {
  const stay = atEnd;
  change();
  if (stay) toEnd();
}

export function toEnd() {
  scroll.scrollTop = scroll.scrollHeight;
}

/** @param {string} html made by the host: see pages/message.ts */
function fromHtml(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  formatTimes(template.content);
  dropOldButtons(template.content);
  return template.content;
}

/** What they stood for is over. */
export function dropOldButtons(root) {
  for (const buttons of root.querySelectorAll("[data-until]"))
    if (Number(buttons.dataset.until) <= Date.now()) buttons.remove();
}

export const messageElement = (id) => log.querySelector(`[data-message="${CSS.escape(id)}"]`);

/**
 * Shows a message, unless it is there already: as a draft that was just handed over, or from the history.
 * Then only its state and its files are taken over, so that a screen reader does not read it out twice.
 */
export function showMessage(message, html) {
  const content = fromHtml(html);
  const known = messageElement(message);
  if (!known) {
    $(".welcome")?.remove();
    // Before what is not handed over yet: that comes later, whatever happens.
    log.insertBefore(content, log.querySelector(".pending"));
    return;
  }
  const files = content.querySelector(".files");
  if (files) known.querySelector(".files")?.replaceWith(files);
  const told = content.querySelector(".state");
  const state = known.querySelector(".state")?.dataset.state;
  if (told && (state === "sending" || state === "sent"))
    setState(known, told.dataset.state, told.textContent);
}

export function showEarlier(html) {
  const content = fromHtml(html);
  const first = content.querySelector("article");
  const height = scroll.scrollHeight;
  // Old messages are no news: they are not read out.
  log.setAttribute("aria-live", "off");
  log.prepend(content);
  scroll.scrollTop += scroll.scrollHeight - height;
  setTimeout(() => log.setAttribute("aria-live", "polite"), 500);
  return first;
}

export function showPending({ id, text, names = [] }) {
  $(".welcome")?.remove();
  const article = fromHtml(
    `<article class="message mine pending" aria-label="You">
      <header><span class="who">You</span> <time datetime="${new Date().toISOString()}"></time></header>
      <div class="text plain"></div><footer class="state" data-state="sending">Sending…</footer>
    </article>`,
  ).firstElementChild;
  article.dataset.client = id;
  article.querySelector(".text").textContent = text;
  if (names.length > 0) {
    const files = document.createElement("p");
    files.className = "files";
    files.textContent = names.join(", ");
    article.querySelector(".text").after(files);
  }
  log.append(article);
}

export const pendingElement = (id) => log.querySelector(`[data-client="${CSS.escape(id)}"]`);

/** The host has it: from now on it goes by the host's id, unless its event came first. */
export function settlePending(id, message) {
  const pending = pendingElement(id);
  if (messageElement(message)) {
    pending?.remove();
    return;
  }
  if (!pending) return;
  pending.dataset.message = message;
  pending.classList.remove("pending");
  setState(pending, "sent", "Sent");
}

/** @param {{ label: string, run: () => void }} [action] */
export function setState(article, state, detail, action) {
  const footer = article?.querySelector(".state");
  if (!footer) return;
  footer.dataset.state = state;
  footer.textContent = detail;
  if (!action) return;
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = action.label;
  button.addEventListener("click", action.run);
  footer.append(button);
}

/** For ears only. */
export function announce(text) {
  $("#announce").textContent = text;
}

/** The answer that is being written: plain text, until the message itself takes its place. */
export function showLive(text, what) {
  live.hidden = false;
  if (liveText.textContent !== text) liveText.textContent = text;
  doing.textContent = what;
  live.querySelector(".activity").hidden = what === "";
}

export function hideLive() {
  live.hidden = true;
  liveText.textContent = "";
}
