/**
 * What owners change of the house itself, on record: who has a token, the emergency
 * stop. The stop comes first and its record after it: it works with a database that is locked or full (G27).
 */
import type { HttpStopSwitch } from "../http/host.ts";
import type { Audited } from "../store/audit.ts";
import type { Tokens } from "../store/tokens.ts";
import type { Ground } from "./ground.ts";

const OWNER = "the owner";

export type Administration = ReturnType<typeof recorded>;

export function recorded({ audit, log, stopSwitch }: Ground, { tokens }: { readonly tokens: Tokens }) {
  const entry = (action: string, subject: string, detail = ""): Audited => ({
    actor: OWNER,
    groupId: null,
    action,
    subject,
    allowed: true,
    detail,
  });

  /** It has been done, whether or not it can be written down. */
  function afterwards(one: Audited): void {
    audit.note(one).catch((error: unknown) => log.error({ err: error, ...one }, "this is not in the audit"));
  }

  /** Before it is done, and how it went. */
  async function around<T>(one: Audited, effect: () => Promise<T>): Promise<T> {
    const end = await audit.begin(one);
    try {
      const result = await effect();
      await end({ allowed: true, detail: "done" });
      return result;
    } catch (error) {
      await end({ allowed: false, detail: error instanceof Error ? error.message : String(error) });
      throw error;
    }
  }

  const watchedTokens: Tokens = {
    ...tokens,
    issue: (spec) =>
      around(entry("token.issue", `token:${spec.kind}`, `${spec.scope}: ${spec.label}`), () =>
        tokens.issue(spec),
      ),
    async redeem(code, login) {
      const issued = await tokens.redeem(code, login);
      if (issued) afterwards(entry("token.login", `token:${issued.hash.slice(0, 12)}`, issued.label));
      return issued;
    },
    revoke: (hash) => around(entry("token.revoke", `token:${hash.slice(0, 12)}`), () => tokens.revoke(hash)),
  };

  const watchedStop: HttpStopSwitch = {
    get paused() {
      return stopSwitch.paused;
    },
    async pause(by, reason) {
      const halted = await stopSwitch.pause(by, reason);
      afterwards({ ...entry("host.pause", "host", reason), actor: by });
      return halted;
    },
    async resume() {
      const resumed = await stopSwitch.resume();
      if (resumed) afterwards(entry("host.resume", "host"));
      return resumed;
    },
  };

  return { tokens: watchedTokens, stopSwitch: watchedStop };
}
