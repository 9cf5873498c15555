/**
 * Names of people and channels, which Slack says by their ids. They are asked for once and remembered; who waits for
 * them waits a moment, and gets the id where Slack does not answer.
 */
import { type Logger, RejectedError } from "@bellhop/sdk";
import { z } from "zod";
import type { WebApi } from "./api.ts";
import { ScopeError } from "./errors.ts";
import type { Names } from "./mrkdwn.ts";

const User = z.object({
  user: z.object({
    name: z.string(),
    real_name: z.string().optional(),
    profile: z.object({ display_name: z.string().optional(), real_name: z.string().optional() }).default({}),
  }),
});

export const ChannelInfo = z.object({
  channel: z.object({
    name: z.string().optional(),
    is_im: z.boolean().optional(),
    is_mpim: z.boolean().optional(),
    /** Whether the app is in it; of a direct message it is not said. */
    is_member: z.boolean().optional(),
    user: z.string().optional(),
    num_members: z.int().optional(),
  }),
});

export interface DirectoryParts {
  readonly api: Pick<WebApi, "call">;
  /** A message waits so long for a name. */
  readonly patienceMs?: number | undefined;
  readonly log: Pick<Logger, "debug">;
}

const PATIENCE_MS = 1_000;
/** More than talk at the same time. */
const MOST = 2_000;

export interface Directory extends Names {
  /** Whether the app is in that chat, as far as Slack says it in time. */
  isIn(channel: string): Promise<boolean>;
}

export function createDirectory({ api, patienceMs = PATIENCE_MS, log }: DirectoryParts): Directory {
  const users = new Map<string, Promise<string | undefined>>();
  const channels = new Map<string, Promise<string | undefined>>();

  /** Undefined where it could not be had just now; what is not to be had at all is asked for once. */
  async function known(
    of: Map<string, Promise<string | undefined>>,
    id: string,
    ask: () => Promise<string | undefined>,
  ): Promise<string | undefined> {
    const asked = of.get(id) ?? ask();
    of.set(id, asked);
    const [oldest] = of.keys();
    if (of.size > MOST && oldest !== undefined) of.delete(oldest);
    try {
      return await asked;
    } catch (error) {
      if (!(error instanceof RejectedError)) of.delete(id);
      log.debug("Slack does not say a name", {
        id,
        why: error instanceof Error ? error.message : String(error),
      });
      return undefined;
    }
  }

  async function userName(id: string): Promise<string> {
    const { user } = await api.call("users.info", { user: id }, User, AbortSignal.timeout(patienceMs));
    const { name, real_name, profile } = user;
    return profile.display_name || profile.real_name || real_name || name;
  }

  async function look(id: string) {
    const within = AbortSignal.timeout(patienceMs);
    return (await api.call("conversations.info", { channel: id }, ChannelInfo, within)).channel;
  }

  async function isIn(id: string): Promise<boolean> {
    try {
      return (await look(id)).is_member ?? true;
    } catch (error) {
      // Of a chat of others it says that there is none.
      return !(error instanceof RejectedError) || error instanceof ScopeError;
    }
  }

  return {
    user: async (id) => (await known(users, id, () => userName(id))) ?? id,
    channel: (id) => known(channels, id, async () => titleOf(await look(id))),
    isIn,
  };
}

/** A channel's name; of a group that has none of its own, who is in it. */
export function titleOf({ name, is_mpim }: z.infer<typeof ChannelInfo>["channel"]): string | undefined {
  const people = is_mpim === true ? /^mpdm-(.+)-\d+$/.exec(name ?? "")?.[1] : undefined;
  return people?.split("--").join(", ") ?? name;
}
