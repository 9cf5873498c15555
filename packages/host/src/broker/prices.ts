/**
 * What a call of a model costs. List prices in US dollars a million tokens, version 2026-11-22, as
 * Claude CLI 2.1.330 charges them (measured by giving it answers with known usage); those of the 4.x
 * models agree with https://docs.anthropic.com/en/docs/about-claude/pricing. A model that is not listed
 * has no price: its cost is unknown, never guessed.
 */

/** Tokens as the provider counts them; each field excludes the others. */
export interface Tokens {
  readonly input: number;
  readonly output: number;
  readonly cacheRead: number;
  /** Written to the cache, to live 5 minutes. */
  readonly cacheWrite: number;
  /** Written to the cache, to live an hour. */
  readonly cacheWriteHour: number;
  /** Searches that the provider made for the model. */
  readonly webSearches: number;
}

export const NO_TOKENS: Tokens = {
  input: 0,
  output: 0,
  cacheRead: 0,
  cacheWrite: 0,
  cacheWriteHour: 0,
  webSearches: 0,
};

export interface Prices {
  readonly version: string;
  /** Millionths of a US dollar; null where the model has no price. */
  cost(model: string, tokens: Tokens): number | null;
}

interface Price {
  readonly input: number;
  readonly output: number;
  readonly cacheRead: number;
}

/** Writing to the cache costs this much more than input; every model alike. */
const CACHE_WRITE = 1.25;
const CACHE_WRITE_HOUR = 2;
/** $10 a thousand. */
const WEB_SEARCH_MICROS = 10_000;

const LIST: ReadonlyMap<string, Price> = new Map(
  Object.entries({
    "claude-fable-5-2": { input: 8, output: 40, cacheRead: 0.2 },
    "claude-opus-5-5": { input: 4, output: 20, cacheRead: 0.2 },
    "claude-sonnet-5-5": { input: 2, output: 10, cacheRead: 0.1 },
    "claude-haiku-5-5": { input: 0.1, output: 0.5, cacheRead: 0.01 },
    "claude-opus-5": { input: 5, output: 25, cacheRead: 0.5 },
    "claude-sonnet-5": { input: 2, output: 10, cacheRead: 0.2 },
    "claude-opus-4-8": { input: 5, output: 25, cacheRead: 0.5 },
    "claude-opus-4-6": { input: 5, output: 25, cacheRead: 0.5 },
    "claude-opus-4-5": { input: 5, output: 25, cacheRead: 0.5 },
    "claude-sonnet-4-6": { input: 3, output: 15, cacheRead: 0.3 },
    "claude-sonnet-4-5": { input: 3, output: 15, cacheRead: 0.3 },
    "claude-haiku-4-5": { input: 1, output: 5, cacheRead: 0.1 },
  }),
);

export const anthropicPrices: Prices = {
  version: "2026-11-22",
  cost(model, tokens) {
    // The API may name the snapshot: `claude-opus-4-5-20251101`.
    const price = LIST.get(model.replace(/-\d{8}$/, ""));
    if (!price) return null;
    const { input, output, cacheRead } = price;
    // Dollars a million tokens are millionths of a dollar a token.
    return Math.round(
      tokens.input * input +
        tokens.output * output +
        tokens.cacheRead * cacheRead +
        tokens.cacheWrite * input * CACHE_WRITE +
        tokens.cacheWriteHour * input * CACHE_WRITE_HOUR +
        tokens.webSearches * WEB_SEARCH_MICROS,
    );
  },
};

/** For a server of somebody else's: what it charges is not ours to know. */
export const noPrices: Prices = { version: "none", cost: () => null };

export const rehearsalPrices: Prices = { version: "rehearsal", cost: () => 0 };
