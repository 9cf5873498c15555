/** What agents asked for, all of it on one page, with a button for each answer. */
import { html } from "hono/html";
import type { Approval } from "../../core/trust.ts";
import type { Assets } from "../assets.ts";
import { renderPage } from "./page.ts";

export interface ApprovalsPage {
  readonly assets: Assets;
  readonly assistant: string;
  readonly approvals: readonly Approval[];
}

export function renderApprovalsPage({ assets, assistant, approvals }: ApprovalsPage) {
  return renderPage({
    title: `Approvals · ${assistant}`,
    assets,
    script: "approvals.js",
    bodyClass: "alone",
    body: html`<main class="card approvals">
      <h1>Approvals</h1>
      <p id="say" role="status">
        ${approvals.length === 0 ? "Nothing waits for your answer." : "What is not answered is refused after 15 minutes."}
      </p>
      <ul>
        ${approvals.map(renderApproval)}
      </ul>
      <p><a href="/">Back to the chats</a></p>
    </main>`,
  });
}

function renderApproval({ id, group, chat, words, choices }: Approval) {
  return html`<li data-approval="${id}">
    <p>The agent of ${group} (at work in ${chat}) wants to</p>
    <blockquote>${words}</blockquote>
    <p>
      ${choices.map((choice) => html`<button type="button" data-answer="${choice}">${LABELS[choice]}</button> `)}
      <button type="button" data-answer="deny">Refuse</button>
    </p>
  </li>`;
}

const LABELS = {
  once: "Allow once",
  group: "Allow from now on",
  never: "Refuse for good",
} as const satisfies Record<Approval["choices"][number], string>;
