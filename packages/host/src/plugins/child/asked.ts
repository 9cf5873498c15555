/** What a person asks of a plugin: its commands, and connecting an account. */
import { ConfigError, type PluginModule, RejectedError } from "@bellhop/sdk";
import type { Link } from "../link/link.ts";

/** Numbers by which the host knows whom it belongs to. */
type Run = Readonly<Record<string, unknown>>;

export async function runCommand(
  link: Link,
  { commands }: PluginModule,
  { name, args, run }: Run,
  signal: AbortSignal,
): Promise<number> {
  const command = commands?.[String(name)];
  if (!command) throw new RejectedError(`the plugin has no command ${String(name)}`);
  const code = await command({
    args: Array.isArray(args) ? args.map(String) : [],
    print: (line) => link.tell("print", { run, line }),
    ask: async (text, options = {}) =>
      String(await link.call("ask", { run, text, secret: options.secret === true }, signal)),
    signal,
  });
  return Number.isInteger(code) ? code : 0;
}

export async function runAuth(
  link: Link,
  { auth }: PluginModule,
  { run }: Run,
  signal: AbortSignal,
): Promise<void> {
  if (!auth)
    throw new RejectedError("the plugin connects no account by itself; its page says how it is done");
  const flow = auth(signal);
  try {
    let answer: string | undefined;
    let connected = false;
    for (;;) {
      signal.throwIfAborted();
      const { value: step, done } = await flow.next(answer);
      if (done || step === undefined) break;
      connected = step.step === "done";
      const given = await link.call("step", { run, step }, signal);
      answer = typeof given === "string" ? given : undefined;
      if (connected) break;
    }
    if (!connected) throw new ConfigError("the plugin stopped before the account was connected");
  } finally {
    await flow.return();
  }
}
