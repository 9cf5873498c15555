/** Connecting an account: one step at a time, whatever the platform. */
import { html, raw } from "hono/html";
import { renderSVG } from "uqr";
import type { ConnectStep } from "../../core/connect.ts";
import type { Assets } from "../assets.ts";
import { renderPage } from "./page.ts";

export interface ConnectPage {
  readonly assets: Assets;
  readonly assistant: string;
  readonly name: string;
  /** Whether a plugin of that name connects accounts. */
  readonly known: boolean;
  /** Those of its accounts that are connected, as in the addresses of their chats. */
  readonly accounts: readonly string[];
}

export function renderConnectPage({ assets, assistant, name, known, accounts }: ConnectPage) {
  return renderPage({
    title: `Connect ${name} · ${assistant}`,
    assets,
    ...(known ? { script: "connect.js" as const } : {}),
    bodyClass: "alone",
    body: html`<main class="card connect" data-name="${name}">
      <h1>Connect ${name}</h1>
      <div id="step" aria-live="polite" tabindex="-1">
        <p>${known ? "One moment." : `No plugin ${name} connects accounts here.`}</p>
      </div>
      <p id="say" role="status"></p>
      ${accounts.map((account) => {
        const words = account === "" ? name : `${name}/${account}`;
        return html`<p><button type="button" data-disconnect="${account}">Disconnect ${words}</button></p>`;
      })}
      <p><a href="/">Back to the chats</a></p>
    </main>`,
  });
}

/** A line is a paragraph; the last one is the question, the others say what it is about. */
function renderAsk({ text, secret, optional }: Extract<ConnectStep, { step: "ask" }>) {
  const lines = text.split(/\n+/);
  const question = lines.pop();
  return html`${lines.length === 0 ? "" : html`<div id="about">${lines.map((line) => html`<p>${line}</p>`)}</div>`}
    <form id="answer">
      <label for="value">${question}</label>
      <input
        id="value"
        name="value"
        type="${secret ? "password" : "text"}"
        ${lines.length === 0 ? "" : raw('aria-describedby="about"')}
        autocomplete="off"
        autocapitalize="off"
        spellcheck="false"
        ${optional === true ? "" : raw("required")}
      />
      <button type="submit">Go on</button>
    </form>`;
}

export function renderStep(shown: ConnectStep) {
  switch (shown.step) {
    case "ask":
      return renderAsk(shown);
    case "qr":
      // Dark on light in either scheme, with the margin that the standard wants: many phones read no other. The next
      // code is not read out: what is to be done with it was.
      return html`<p>${shown.text}</p>
        <div class="qr" role="img" aria-live="off" aria-label="QR code for the camera of your phone">
          ${raw(renderSVG(shown.content, { border: 4 }))}
        </div>`;
    case "code":
      return html`<p>${shown.text}</p>
        <p class="code"><code>${shown.code}</code></p>`;
    case "wait":
      return html`<p>${shown.text}</p>`;
    case "done":
      return html`<p class="done">Connected: ${shown.account}.</p>
        <p>${shown.text}</p>
        ${shown.kept.length === 0 ? "" : html`<p>Kept in .env: ${shown.kept.join(", ")}.</p>`}
        <p><a href="">Connect another account</a></p>`;
    case "failed":
      return html`<p class="wrong">${shown.why}</p>
        <p><a href="">Begin again</a></p>`;
    default:
      return shown satisfies never;
  }
}
