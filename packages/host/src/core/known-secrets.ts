/**
 * Every secret that the host knows, and how a text is freed of them. What leaves Bellhop, by whatever way,
 * passes here: chats, captions, names of files, small text files, the log, the API and its pages.
 *
 * - A secret is found as it is and as programs write it: percent-encoded, in base64 at any offset, escaped
 *   in JSON, broken over lines. Whoever wants to can write it in yet another way: what holds secrets back is
 *   that agents have none; this catches mishaps.
 * - Values of fewer than 8 characters are left, for they would tear ordinary words apart, and so are a few
 *   settings that are none. The model's credentials are hidden whatever they look like.
 * - One that is added counts from then on, in streams that have begun too. None is ever taken away, since what
 *   was one may still be in use somewhere; only a variable that turns out to be public is one no more, unless
 *   something else has the same value.
 */
import { createNeedles, isBlank, type Needles } from "./needles.ts";

export const HIDDEN = "[hidden]";

export interface Secret {
  /** The variable that it comes from. */
  readonly name: string;
  readonly value: string;
  /**
   * What plugins declare of a variable of this name. True: nothing of that name is a secret from then on, unless
   * another plugin says false.
   */
  readonly public?: boolean | undefined;
}

export interface HidingStream {
  /** What of the text so far may be shown now, beyond what was returned before. */
  push(chunk: string): string;
  /** What was held back, once the text is complete. The stream is then as new. */
  end(): string;
}

export interface KnownSecrets {
  add(secrets: Iterable<Secret>): void;
  /** The text without them; the same string where there is none in it. */
  hide(text: string): string;
  /** The same for a text that comes in pieces, however it is cut: holds back only what may become one. */
  stream(): HidingStream;
}

const SHORTEST = 8;
/** Of `.env` files as people write them. */
const NO_SECRETS = new Set([
  "ANTHROPIC_BASE_URL",
  "ANTHROPIC_MODEL",
  "BELLHOP_HOME",
  "HOME",
  "HOST",
  "LANG",
  "LOG_LEVEL",
  "NODE_ENV",
  "PATH",
  "PORT",
  "TZ",
]);
const CRITICAL = new Set(["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"]);

export function createKnownSecrets(first: Iterable<Secret> = []): KnownSecrets {
  /** Each with the names that it is of. */
  const forms = new Map<string, Set<string>>();
  const publics = new Set<string>();
  /** Declared to be secrets, whoever calls them public. */
  const kept = new Set(CRITICAL);
  let needles: Needles | undefined;
  add(first);

  function add(secrets: Iterable<Secret>): void {
    const before = forms.size;
    for (const secret of secrets) {
      if (secret.public === true) publish(secret.name);
      if (secret.public === false) {
        kept.add(secret.name);
        publics.delete(secret.name);
      }
      if (publics.has(secret.name)) continue;
      for (const form of formsOf(secret)) forms.set(form, (forms.get(form) ?? new Set()).add(secret.name));
    }
    if (forms.size > before) needles = undefined;
  }

  function publish(name: string): void {
    if (kept.has(name) || publics.has(name)) return;
    publics.add(name);
    for (const [form, names] of forms) if (names.delete(name) && names.size === 0) forms.delete(form);
    needles = undefined;
  }

  const current = () => (needles ??= createNeedles(forms.keys()));

  function stream(): HidingStream {
    return createHidingStream(current);
  }

  return {
    add,
    stream,
    hide(text) {
      const hiding = stream();
      return hiding.push(text) + hiding.end();
    },
  };
}

function formsOf({ name, value }: Secret): string[] {
  const critical = CRITICAL.has(name);
  if (!critical && (NO_SECRETS.has(name) || value.length < SHORTEST)) return [];
  const json = JSON.stringify(value).slice(1, -1);
  const percent = encodeURIComponent(value.toWellFormed());
  const all = percent.replace(/%..|[^a-z0-9]/gi, (one) => (one.length === 3 ? one : codeOf(one)));
  const forms = [
    json,
    json.replaceAll("/", "\\/"),
    JSON.stringify(json).slice(1, -1),
    json.replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`),
    percent,
    percent.replace(/%../g, (code) => code.toLowerCase()),
    percent.replaceAll("%20", "+"),
    all,
    all.replace(/%../g, (code) => code.toLowerCase()),
    ...base64Forms(Buffer.from(value)),
  ];
  return [value, ...forms.filter(({ length }) => length >= SHORTEST)].filter((form) => form !== "");
}

/** As encoders write it that leave nothing but letters and digits. */
function codeOf(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
}

/** As it stands in base64 of something longer: at each of the three offsets, without what its neighbours share. */
function base64Forms(bytes: Buffer): string[] {
  return [0, 1, 2].flatMap((offset) => {
    const whole = Buffer.concat([Buffer.alloc(offset), bytes]);
    const form = whole
      .toString("base64")
      .slice(Math.ceil((offset * 8) / 6), Math.floor((whole.length * 8) / 6));
    return [form, form.replaceAll("+", "-").replaceAll("/", "_")];
  });
}

/** @param current the needles as they stand now */
function createHidingStream(current: () => Needles): HidingStream {
  let needles = current();
  /** Not shown yet. */
  let held = "";
  /** How much of it was looked at. */
  let seen = 0;
  let state = 0;
  /** Where in `held` the units lie that count, as many as may be looked back at. */
  let places: number[] = [];
  /** What is to be hidden of it, in order; no two overlap. */
  let spans: { start: number; end: number }[] = [];

  /** The beginning of what the last `units` units lie in. */
  const startOf = (units: number) => places[places.length - units] ?? 0;

  function look(): void {
    if (needles !== current()) {
      needles = current();
      [seen, state, places, spans] = [0, 0, [], []];
    }
    for (; seen < held.length; seen += 1) {
      const unit = held.charCodeAt(seen);
      if (isBlank(unit)) continue;
      state = needles.step(state, unit);
      if (state === 0) {
        places.length = 0;
        continue;
      }
      places.push(seen);
      const length = needles.found(state);
      if (length > 0) mark(startOf(length), seen + 1);
    }
    const depth = needles.depth(state);
    if (places.length > depth) places = places.slice(places.length - depth);
  }

  function mark(from: number, end: number): void {
    let start = from;
    for (let last = spans.at(-1); last && last.end > start; last = spans.at(-1)) {
      start = Math.min(start, last.start);
      spans.pop();
    }
    spans.push({ start, end });
  }

  function show(upTo: number): string {
    let out = "";
    let at = 0;
    for (const { start, end } of spans) {
      if (end > upTo) break;
      out += held.slice(at, start) + HIDDEN;
      at = end;
    }
    out += held.slice(at, upTo);
    spans = spans.filter(({ end }) => end > upTo).map(({ start, end }) => shifted({ start, end }, upTo));
    places = places.map((place) => place - upTo);
    held = held.slice(upTo);
    seen -= upTo;
    return out;
  }

  return {
    push(chunk) {
      held += chunk;
      look();
      const depth = needles.depth(state);
      const begun = depth === 0 ? held.length : startOf(depth);
      // A span may still grow by one that begins within it.
      const open = spans.find(({ start, end }) => start < begun && end > begun);
      return show(open ? open.start : begun);
    },
    end() {
      look();
      const out = show(held.length);
      [held, seen, state, places, spans] = ["", 0, 0, [], []];
      return out;
    },
  };
}

function shifted({ start, end }: { start: number; end: number }, by: number) {
  return { start: start - by, end: end - by };
}
