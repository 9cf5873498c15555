import { RejectedError } from "@bellhop/sdk";

/** Whoever asked meant a task that is not there, or not theirs: both are told alike. */
export class NoTaskError extends RejectedError {
  constructor(id: string) {
    super(`There is no task ${JSON.stringify(id.slice(0, 40))}; the list of tasks names those there are.`);
  }
}
