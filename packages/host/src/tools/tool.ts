/**
 * What every host tool stands on. Group and turn are bound here, by closure over the session the
 * tools were made for: nothing that a call carries can name another. A call without a live turn is
 * refused; what a call writes is written under the turn's fence. A turn has so many calls and no more.
 */
import { BellhopError, type Channel, RejectedError } from "@bellhop/sdk";
import { z } from "zod";
import type { KnownSecrets } from "../core/known-secrets.ts";
import type { ChatId, SessionId, TurnId } from "../core/ids.ts";
import type { Plugins } from "../core/plugin.ts";
import type { GroupActor, GroupPowers } from "../groups/desk.ts";
import type { Actor, TaskPowers } from "../scheduler/desk.ts";
import type { Chats } from "../store/chats.ts";
import type { History } from "../store/history.ts";
import type { Act } from "../store/journal.ts";
import type { Claim } from "../store/claims.ts";
import type { Turns } from "../store/turns.ts";
import type { HostTool, ToolResult } from "../turns/engine.ts";
import type { Judge } from "../policy/judge.ts";
import type { EffectClass } from "../policy/policy.ts";
import type { TaintKeeper } from "../policy/taint.ts";
import type { Audit } from "../store/audit.ts";
import type { ToolFiles } from "./tool-files.ts";
import { failpoint } from "../core/failpoint.ts";

export interface ToolParts {
  /** The claim of the turn that this session's agent works for just now. */
  readonly claimOf: (session: SessionId) => Claim | undefined;
  readonly turns: Turns;
  readonly chats: Chats;
  readonly search: History["search"];
  readonly channelOf: (chat: ChatId) => Pick<Channel, "abilities"> | undefined;
  readonly files: ToolFiles;
  readonly timezoneOf: (claim: Claim) => string;
  /** What whoever asks may do with tasks. */
  readonly tasks: (actor: Actor) => TaskPowers;
  /** The same with groups and chats. */
  readonly groups: (actor: GroupActor) => GroupPowers;
  /** By the wall clock. */
  readonly now: () => number;
  readonly secrets: KnownSecrets;
  /** There is something to deliver to this chat. */
  readonly deliver: (chat: ChatId) => void;
  readonly trust: ToolTrust;
  readonly plugins: Pick<Plugins, "active">;
}

/** What stands between a tool and whatever lies beyond its own chat. */
export interface ToolTrust {
  readonly weigh: Judge["weigh"];
  readonly taint: Pick<TaintKeeper, "of" | "mark" | "readsTasks">;
  readonly audit: Pick<Audit, "begin">;
}

export interface ToolContext {
  readonly claim: Claim;
  readonly toolUseId: string;
  readonly parts: ToolParts;
  /** For the journal, of a tool that acts: what the agent is told of it. */
  readonly act: (result: string) => Act;
}

export interface ToolDefinition<S extends z.ZodObject> {
  readonly name: string;
  readonly description: string;
  /** See `HostTool`. */
  readonly rare?: boolean;
  /** The gravest that it can have. What is graver than `write-here` asks for leave (leave.ts). */
  readonly effect: EffectClass;
  readonly input: S;
  /** @throws BellhopError with a sentence for the agent, when the call cannot be done */
  readonly run: (input: z.output<S>, context: ToolContext) => Promise<string>;
}

/** Far more than an answer needs, and few enough that a program that went wild costs the host little. */
const MOST_CALLS = 500;

/** Counts the calls of the turn under way; says whether there is one left. */
export type Allowance = (turn: TurnId) => boolean;

export function createAllowance(): Allowance {
  let current: TurnId | undefined;
  let calls = 0;
  return (turn) => {
    if (turn !== current) calls = 0;
    current = turn;
    calls += 1;
    return calls <= MOST_CALLS;
  };
}

/** A definition as the engines take it: for one session, whose tools share the allowance. */
export function bindTool<S extends z.ZodObject>(
  definition: ToolDefinition<S>,
  session: SessionId,
  parts: ToolParts,
  allowance: Allowance,
): HostTool {
  const { name, description, input, rare = false, run } = definition;

  /** Before it is done, and after: a beginning without an end was cut off. */
  async function recorded(
    claim: Claim,
    given: unknown,
    call: () => Promise<ToolResult>,
  ): Promise<ToolResult> {
    const { chat, turn } = claim;
    const end = await parts.trust.audit.begin({
      actor: `the agent of ${chat.folder}`,
      groupId: chat.group_id,
      action: `tool.${name}`,
      subject: `turn:${turn}`,
      detail: JSON.stringify(given),
    });
    try {
      const result = await call();
      await end({ allowed: true, detail: "done" });
      return result;
    } catch (error) {
      await end({ allowed: false, detail: error instanceof Error ? error.message : String(error) });
      throw error;
    }
  }

  return {
    name,
    description,
    input,
    rare,
    async call(raw, { toolUseId }): Promise<ToolResult> {
      const claim = parts.claimOf(session);
      if (!claim) return refuse("No turn is under way, so there is nothing to act for.");
      if (!allowance(claim.turn)) return refuse(`A turn has ${MOST_CALLS} calls at most; answer now.`);
      try {
        const given = parsed(input, raw);
        const before = await parts.turns.recorded(claim, toolUseId);
        if (before !== undefined) return { text: before };
        const act = (result: string): Act => ({ toolUseId, tool: name, input: given, result });
        return await recorded(claim, given, async () => {
          failpoint("tool.call");
          const text = await run(given, { claim, toolUseId, parts, act });
          failpoint("tool.done");
          return { text };
        });
      } catch (error) {
        if (error instanceof BellhopError) return refuse(error.message);
        throw error;
      }
    },
  };
}

/** @throws RejectedError that says what does not fit */
export function parsed<S extends z.ZodType>(schema: S, raw: unknown): z.output<S> {
  const result = schema.safeParse(raw);
  if (result.success) return result.data;
  throw new RejectedError(`The input does not fit: ${z.prettifyError(result.error)}`);
}

function refuse(text: string): ToolResult {
  return { text, isError: true };
}
