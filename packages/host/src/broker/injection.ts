/** Credentials that are bound to a host: a sandbox sends a placeholder, the broker the real value. */
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http";
import type { GroupFolder } from "../core/ids.ts";

export interface Injection {
  /** A secret is bound to this host for this group, so its TLS has to end here. */
  binds(group: GroupFolder, host: string, port: number): boolean;
  /**
   * What to send instead, and what must not come back. `path` is with its query.
   * @throws RejectedError where a placeholder is used for a host it is not bound to
   */
  apply(request: {
    group: GroupFolder;
    host: string;
    port: number;
    method: string;
    path: string;
    headers: IncomingHttpHeaders;
  }): { path: string; headers: OutgoingHttpHeaders; scrub: readonly string[]; used: readonly string[] };
}
