/** Slack's no: `ok: false`, with its code. */
export class Refusal extends Error {
  readonly code: string;
  readonly more: object;
  constructor(code: string, more: object = {}) {
    super(code);
    this.code = code;
    this.more = more;
  }
}
