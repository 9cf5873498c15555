/**
 * A plugin that connects accounts, as strict as a real one: it is answered only when it asks, once, and what it
 * is told counts.
 */
import { type AuthFlow, type AuthStep, ConfigError } from "@bellhop/sdk";
import type { AuthSession } from "../../core/plugin.ts";
import type { Connectable } from "../connect.ts";

export const TOKEN = "123456:a-token-of-some-length";

/** Asks for a token and a code, shows a picture, and is connected. */
export async function* tokenThenQr(): AuthFlow {
  const token = yield { step: "ask", name: "FAKE_TOKEN", text: "The token of your bot?", secret: true };
  if (token !== TOKEN) throw new ConfigError("fake: that token is refused; ask for another one.");
  yield { step: "qr", content: "https://fake.example/link#first", text: "Point your phone at it." };
  const name = yield { step: "ask", name: "NAME", text: "What is it called?", secret: false };
  yield { step: "done", account: name ?? "?", text: "Well done.", keep: { FAKE_TOKEN: token } };
}

export function fakeConnectable(
  flow: () => AuthFlow = tokenThenQr,
  variables: readonly string[] = ["FAKE_TOKEN"],
  accounts: readonly string[] = [],
): Connectable & { readonly cancelled: () => number } {
  let cancelled = 0;
  return {
    names: () => ["fake"],
    variables: () => variables,
    accounts: () => accounts,
    start: () => sessionOf(flow(), () => (cancelled += 1)),
    cancelled: () => cancelled,
  };
}

function sessionOf(flow: AuthFlow, onCancel: () => void): AuthSession {
  let asks: ((value: string | undefined) => void) | undefined;
  const over = new AbortController();

  async function* steps(): AsyncGenerator<AuthStep> {
    for (let value: string | undefined; !over.signal.aborted;) {
      const { value: step, done } = await flow.next(value);
      value = undefined;
      if (done || !step) return;
      const answered = Promise.withResolvers<string | undefined>();
      if (step.step === "ask") asks = answered.resolve;
      over.signal.addEventListener("abort", () => answered.resolve(undefined));
      yield step;
      if (step.step === "ask") value = await answered.promise;
    }
  }

  return {
    steps: steps(),
    answer(value) {
      if (!asks) throw new Error("the plugin was answered and had asked nothing");
      asks(value);
      asks = undefined;
    },
    cancel() {
      onCancel();
      over.abort();
    },
  };
}
