/** The frame of every page. No inline script or style: the content security policy forbids them. */
import { html } from "hono/html";
import type { Asset, AssetName, Assets } from "../assets.ts";

export interface PageOptions {
  readonly title: string;
  readonly assets: Assets;
  readonly script?: AssetName;
  readonly bodyClass: string;
  readonly body: unknown;
}

export function renderPage({ title, assets, script, bodyClass, body }: PageOptions) {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta
          name="viewport"
          content="width=device-width, initial-scale=1, interactive-widget=resizes-content"
        />
        <meta name="color-scheme" content="light dark" />
        <title>${title}</title>
        <link rel="icon" href="${assetUrl(assets, "bell.svg")}" type="image/svg+xml" />
        <link rel="stylesheet" href="${assetUrl(assets, "style.css")}" />
        ${script === undefined ? "" : html`<script type="module" src="${assetUrl(assets, script)}"></script>`}
      </head>
      <body class="${bodyClass}">
        ${body}
      </body>
    </html>`;
}

/** With the beginning of its hash, so that a new version is a new address. */
function assetUrl(assets: Assets, name: AssetName): string {
  const version = (assets.get(name) satisfies Asset | undefined)?.etag.slice(1, 9) ?? "";
  return `/assets/${name}?v=${version}`;
}
