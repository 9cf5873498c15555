/**
 * The page of a chat: joins what the person does, what the host says and what the page shows.
 * Nothing is decided here that matters: a reload shows the same from the host's own records.
 */
import { createAttachments } from "./attachments.js";
import { connect } from "./connection.js";
import { createOutbox, post } from "./outbox.js";
import * as view from "./view.js";

const $ = (selector) => document.querySelector(selector);
const page = $("main");
const { chat, after, assistant } = page.dataset;
const composer = $("#composer");
const input = $("#text");
const href = (id) => `/chats/${encodeURIComponent(id)}`;

// ── What the person writes

const outbox = createOutbox({
  chat,
  onAccepted(entry, { message, paused }) {
    $("#paused").hidden = !paused;
    view.changing(() => view.settlePending(entry.id, message));
  },
  onUnsent(entry) {
    const retry = { label: "Try again", run: () => void outbox.send() };
    view.setState(view.pendingElement(entry.id), "unsent", "Not sent yet; it is kept here.", retry);
  },
  onRefused(entry, why) {
    const article = view.pendingElement(entry.id);
    const edit = {
      label: "Edit",
      run() {
        input.value = [entry.text, input.value].filter((text) => text !== "").join("\n");
        keepDraft();
        article.remove();
        input.focus();
      },
    };
    view.setState(article, "refused", why, edit);
  },
});

/** A chat comes into being with its first message, and is called by its beginning. */
async function startChat(text) {
  const id = crypto.randomUUID();
  view.showPending({ id, text });
  view.toEnd();
  let created;
  const start = async () => {
    const article = view.pendingElement(id);
    view.setState(article, "sending", "Sending…");
    try {
      const title = (text.trim() || "Files").split("\n")[0].slice(0, 60);
      created ??= await post("/api/v1/chats", { title });
      const files = await attachments.handedOver(created.id);
      // The page of the new chat hands it over.
      sessionStorage.setItem(`unsent ${created.id}`, JSON.stringify([entryOf(id, text, files)]));
      sessionStorage.removeItem(`draft ${chat}`);
      location.replace(href(created.id));
    } catch (error) {
      view.setState(article, "unsent", `Not sent: ${error.message}`, {
        label: "Try again",
        run: () => void start(),
      });
    }
  };
  await start();
}

function keepDraft() {
  sessionStorage.setItem(`draft ${chat}`, input.value);
}

const entryOf = (id, text, files) => ({
  id,
  text,
  ...(files.length > 0 ? { files: files.map((file) => file.id), names: files.map(({ name }) => name) } : {}),
});

let submitting = false;
async function submit() {
  const text = input.value;
  if (submitting || (text.trim() === "" && attachments.count() === 0)) return;
  submitting = true;
  try {
    if (chat === "") {
      input.value = "";
      await startChat(text);
      return;
    }
    // What is still on its way holds the message up, and stays with it if it fails.
    const files = attachments.count() === 0 ? [] : await attachments.handedOver();
    input.value = "";
    keepDraft();
    const entry = entryOf(crypto.randomUUID(), text, files);
    outbox.add(entry);
    view.showPending(entry);
    view.toEnd();
  } catch {
    input.focus(); // the list of files says which one, and why
  } finally {
    submitting = false;
  }
}

const attachments = createAttachments({
  chat,
  list: $("#attached") ?? document.createElement("ul"),
  announce: view.announce,
  onChange: () => composer?.classList.toggle("laden", attachments.count() > 0),
});
$("#attach")?.addEventListener("click", () => $("#files").click());
$("#files")?.addEventListener("change", ({ target }) => {
  attachments.add(target.files);
  target.value = ""; // the same one may be chosen again
  input.focus();
});
input?.addEventListener("paste", (event) => {
  if (event.clipboardData.files.length === 0) return;
  event.preventDefault();
  attachments.add(event.clipboardData.files);
});
if (composer) {
  const hasFiles = (event) => event.dataTransfer.types.includes("Files");
  page.addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    page.classList.add("dropping");
  });
  page.addEventListener("dragleave", (event) => {
    if (!page.contains(event.relatedTarget)) page.classList.remove("dropping");
  });
  page.addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    page.classList.remove("dropping");
    attachments.add(event.dataTransfer.files);
    input.focus();
  });
}

composer?.addEventListener("submit", (event) => {
  event.preventDefault();
  void submit();
});
input?.addEventListener("keydown", (event) => {
  // While an input method composes a character, Enter is its own.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  void submit();
});
input?.addEventListener("input", keepDraft);

// ── What the host says

/** The answer under way: text of its newest stretch, and what it does. */
let answering;
const ended = new Set();

function showAnswering() {
  if (!answering) {
    view.hideLive();
    return;
  }
  const { text, tool, note } = answering;
  view.showLive(text, tool ? `Using ${tool}…` : (note ?? (text === "" ? "Thinking…" : "")));
}

function answer(turn) {
  if (answering?.turn !== turn) answering = { turn, text: "", owed: undefined };
  return answering;
}

/** Takes away of the live text what the message now says itself. */
function takeOver(turn, text) {
  if (!answering || answering.turn !== turn) return; // what the host itself says is of no turn
  if (text.startsWith(answering.text)) answering.text = "";
  else if (answering.text.startsWith(text)) answering.text = answering.text.slice(text.length).trimStart();
}

/** The live answer goes once everything it was for is there. */
function settle() {
  if (answering?.owed?.every((reply) => view.messageElement(reply))) answering = undefined;
  showAnswering();
}

const on = {
  message({ message, direction, turn, text, html }) {
    view.changing(() => {
      view.showMessage(message, html);
      if (direction === "out") {
        takeOver(turn, text);
        if (document.hidden) document.title = `● ${document.title.replace(/^● /, "")}`;
      }
      settle();
    });
  },
  turn({ turn, state, inputs, replies, told }) {
    view.changing(() => {
      for (const id of inputs) view.setState(view.messageElement(id), told.state, told.detail);
      if (state === "started" || state === "retrying") {
        $("#paused").hidden = true;
        Object.assign(answer(turn), {
          text: "",
          tool: undefined,
          note: state === "retrying" ? "Trying again…" : undefined,
        });
        view.announce(`${assistant} is answering`);
      } else {
        ended.add(turn);
        if (answering?.turn === turn) Object.assign(answering, { owed: replies, tool: undefined, note: "" });
        if (state !== "done") answering = undefined;
        view.announce("");
      }
      settle();
    });
  },
  delta({ turn, text, reset }) {
    if (ended.has(turn)) return;
    view.changing(() => {
      const current = answer(turn);
      current.text = reset ? text : current.text + text;
      Object.assign(current, { tool: undefined, note: undefined });
      showAnswering();
    });
  },
  activity({ turn, tool }) {
    if (ended.has(turn)) return;
    view.changing(() => {
      Object.assign(answer(turn), { tool, note: undefined });
      showAnswering();
    });
  },
  elsewhere({ chat: other, href: link, title }) {
    if (other === undefined) return;
    let anchor = $(`#chats a[data-chat="${CSS.escape(other)}"]`);
    if (!anchor) {
      const item = document.createElement("li");
      anchor = document.createElement("a");
      anchor.href = link;
      anchor.dataset.chat = other;
      const name = document.createElement("span");
      name.className = "name";
      name.textContent = title;
      anchor.append(name);
      item.append(anchor);
      $("#chats ul").prepend(item);
    }
    if (anchor.querySelector(".fresh")) return;
    const dot = document.createElement("span");
    dot.className = "fresh";
    dot.role = "img";
    dot.ariaLabel = "new messages";
    anchor.append(dot);
  },
};

const offline = $("#offline");
connect({
  url: chat === "" ? "/stream" : `${href(chat)}/stream`,
  after,
  on,
  onOnline() {
    offline.hidden = true;
    // What was under way is told anew by the snapshot, if it still is.
    answering = undefined;
    showAnswering();
    void outbox.send();
  },
  onOffline() {
    offline.hidden = false;
    offline.textContent = "Bellhop cannot be reached. What you write is kept, and goes out once it is back.";
  },
});

// ── The rest of the page

/** A button stands for a command; what came of it is told in the chat. */
$("#log").addEventListener("click", async ({ target }) => {
  const button = target.closest("[data-press]");
  if (!button) return;
  const all = button.parentElement.querySelectorAll("button");
  for (const one of all) one.disabled = true;
  try {
    await post(`/api/v1/chats/${encodeURIComponent(chat)}/buttons/${button.dataset.press}`, {});
  } catch (error) {
    for (const one of all) one.disabled = false;
    view.announce(error.message);
  }
});

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) document.title = document.title.replace(/^● /, "");
});

let oldest = page.dataset.oldest;
const earlier = $("#earlier");
earlier.addEventListener("click", async () => {
  earlier.disabled = true;
  try {
    const response = await fetch(`${href(chat)}/earlier?before=${oldest}`);
    if (!response.ok) throw new Error(`Bellhop answered with ${response.status}.`);
    const stretch = await response.json();
    oldest = stretch.oldest;
    const first = view.showEarlier(stretch.html);
    earlier.hidden = !stretch.more;
    if (!stretch.more && first) {
      // The button that had the focus is gone.
      first.tabIndex = -1;
      first.focus({ preventScroll: true });
    }
  } catch {
    view.announce("Earlier messages could not be loaded.");
    earlier.textContent = "That did not work. Load earlier messages";
  } finally {
    earlier.disabled = false;
  }
});

const menu = $("#menu");
const chats = $("#chats");
function toggleMenu(open) {
  chats.classList.toggle("open", open);
  menu.setAttribute("aria-expanded", String(open));
}
menu.addEventListener("click", () => {
  toggleMenu(!chats.classList.contains("open"));
  if (chats.classList.contains("open")) chats.querySelector("a").focus();
});
addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !chats.classList.contains("open")) return;
  toggleMenu(false);
  menu.focus();
});
page.addEventListener("click", (event) => menu.contains(event.target) || toggleMenu(false));

$("#logout").addEventListener("click", async () => {
  await post("/logout", {}).catch(() => undefined);
  sessionStorage.clear();
  location.assign("/login");
});

view.formatTimes(document);
view.dropOldButtons(document);
for (const entry of outbox.entries()) view.showPending(entry);
if (input) {
  input.value = sessionStorage.getItem(`draft ${chat}`) ?? "";
  input.focus({ preventScroll: true });
}
view.toEnd();
void outbox.send();
