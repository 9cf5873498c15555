/**
 * What a person or a program asks of a plugin through its process: to connect an account, to run a command, to
 * answer a request. Each that speaks back has a number, by which its words find whoever asked.
 */
import {
  type AuthStep,
  RejectedError,
  type RouteRequest,
  type RouteResponse,
  TemporaryError,
} from "@bellhop/sdk";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { z } from "zod";
import type { AuthSession, CommandIo } from "../core/plugin.ts";
import { LONG_BYTES } from "./link/link.ts";
import type { PluginProcess } from "./process.ts";
import { Answered, Asked, Printed, Stepped } from "./wire.ts";

const ROUTE_MS = 10_000;
const MOST_BODY_BYTES = 4 * 1024 * 1024;

interface Run {
  readonly process: PluginProcess;
  print?(line: string): void;
  ask?(text: string, secret: boolean): Promise<string>;
  step?(step: AuthStep): Promise<string | undefined>;
}

export type Runs = ReturnType<typeof createRuns>;

/** @param learn what an owner must never see again: secrets that an account was connected with */
export function createRuns(learn: (secrets: Readonly<Record<string, string>>) => void) {
  const runs = new Map<number, Run>();
  let next = 1;

  function of(process: PluginProcess, number: number): Run {
    const run = runs.get(number);
    if (run?.process !== process) throw new TemporaryError("whoever asked has gone");
    return run;
  }

  async function command(
    process: PluginProcess,
    name: string,
    args: readonly string[],
    io: CommandIo,
  ): Promise<number> {
    const run = next++;
    runs.set(run, { process, print: io.print, ask: async (text, secret) => await io.ask(text, { secret }) });
    try {
      return z.int().parse(await process.call("command", { params: { name, args, run }, signal: io.signal }));
    } finally {
      runs.delete(run);
    }
  }

  /** @param over called once, when the process is not needed for it any more */
  function auth(process: PluginProcess, over: () => void): AuthSession {
    const run = next++;
    const cancelled = new AbortController();
    let shown = Promise.withResolvers<{ step: AuthStep; taken: () => void } | undefined>();
    let answered: ((value: string) => void) | undefined;

    // Resolves for a question with its answer, for the rest once somebody has seen it: nothing piles up.
    async function step(one: AuthStep): Promise<string | undefined> {
      if (one.step === "done") learn(one.keep ?? {});
      const answer = one.step === "ask" ? new Promise<string>((resolve) => (answered = resolve)) : undefined;
      await new Promise<void>((taken) => shown.resolve({ step: one, taken }));
      return await answer;
    }

    runs.set(run, { process, step });
    const flow = process.call("auth", { params: { run }, signal: cancelled.signal }).finally(() => {
      runs.delete(run);
      over();
    });
    flow.then(
      () => shown.resolve(undefined),
      (error: unknown) => shown.reject(error),
    );
    shown.promise.catch(() => undefined); // whoever watches hears of it

    async function* steps(): AsyncGenerator<AuthStep> {
      try {
        for (;;) {
          const now = await shown.promise;
          if (!now) return;
          shown = Promise.withResolvers();
          shown.promise.catch(() => undefined);
          flow.then(
            () => shown.resolve(undefined),
            (error: unknown) => shown.reject(error),
          );
          now.taken();
          yield now.step;
        }
      } finally {
        cancelled.abort(new TemporaryError("whoever connected the account has gone"));
      }
    }

    return {
      steps: steps(),
      answer: (value) => answered?.(value),
      cancel: () => cancelled.abort(new TemporaryError("whoever connected the account has gone")),
    };
  }

  return {
    command,
    auth,

    /** @throws RejectedError, TemporaryError */
    async route(process: PluginProcess, { body, ...request }: RouteRequest): Promise<RouteResponse> {
      const long = body.length > LONG_BYTES;
      const sent = long
        ? process.link.offer(() => Readable.from([Buffer.from(body)]))
        : Buffer.from(body).toString("base64");
      try {
        const given = await process.call("route", { params: { ...request, body: sent }, withinMs: ROUTE_MS });
        const answer = Answered.safeParse(given);
        if (!answer.success) throw new RejectedError(`the plugin ${process.name} gave no answer that is one`);
        const { body: bytes, ...head } = answer.data;
        if (typeof bytes === "string") return { ...head, body: Buffer.from(bytes, "base64") };
        return { ...head, body: await whole(process.link.receive(bytes)) };
      } finally {
        if (typeof sent === "number") process.link.withdraw(sent);
      }
    },

    /** What a process says to whoever asked it. */
    async serve(
      process: PluginProcess,
      method: "ask" | "step",
      params: unknown,
    ): Promise<string | undefined> {
      if (method === "ask") {
        const { run, text, secret } = Asked.parse(params);
        return await of(process, run).ask?.(text, secret);
      }
      const { run, step } = Stepped.parse(params);
      return await of(process, run).step?.(step);
    },

    hear(process: PluginProcess, params: unknown): void {
      const printed = Printed.safeParse(params);
      if (!printed.success) return;
      const run = runs.get(printed.data.run);
      if (run?.process === process) run.print?.(printed.data.line);
    },
  };
}

async function whole(stream: Readable): Promise<Buffer> {
  let bytes = 0;
  stream.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > MOST_BODY_BYTES)
      stream.destroy(new RejectedError("the plugin's answer is longer than 4 MiB"));
  });
  return await buffer(stream);
}
