/** Where a login link lands, and where whoever is not logged in is sent. */
import { html } from "hono/html";
import type { Assets } from "../assets.ts";
import { renderPage } from "./page.ts";

export function renderLoginPage({ assets, assistant }: { assets: Assets; assistant: string }) {
  return renderPage({
    title: `Log in · ${assistant}`,
    assets,
    script: "login.js",
    bodyClass: "alone",
    body: html`<main class="card">
      <img src="/assets/bell.svg" alt="" width="56" height="56" />
      <h1>${assistant}</h1>
      <p id="say" role="status">
        To log in, run <code>bellhop login</code> on the machine and open the link it prints.
      </p>
      <form id="login">
        <label for="code">Or paste the link here</label>
        <input id="code" name="code" autocomplete="off" autocapitalize="off" spellcheck="false" required />
        <button type="submit">Log in</button>
      </form>
      <noscript><p>The web chat needs JavaScript.</p></noscript>
    </main>`,
  });
}

/** A page that could not be shown. */
export function renderProblemPage({ assets, message }: { assets: Assets; message: string }) {
  return renderPage({
    title: "Bellhop",
    assets,
    bodyClass: "alone",
    body: html`<main class="card">
      <img src="/assets/bell.svg" alt="" width="56" height="56" />
      <h1>That did not work</h1>
      <p>${message}</p>
      <p><a href="/">Back to the chats</a></p>
    </main>`,
  });
}
