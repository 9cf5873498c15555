/** How Discord says no: a status, a code of its own, and a sentence. */
export class Refusal extends Error {
  readonly status: number;
  readonly code: number;
  readonly beside: object;
  constructor(status: number, code: number, message: string, beside: object = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.beside = beside;
  }
}

export const unknownChannel = () => new Refusal(404, 10003, "Unknown Channel");
export const unknownMessage = () => new Refusal(404, 10008, "Unknown Message");
export const unauthorised = () => new Refusal(401, 0, "401: Unauthorized");
