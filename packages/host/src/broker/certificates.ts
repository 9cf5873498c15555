/** The install's own certificate authority, by which the broker can stand in for a host inside a sandbox. */
import type { SecureContext } from "node:tls";

export interface Certificates {
  /** What sandboxes trust, as PEM. */
  readonly ca: string;
  /** A certificate for this host, with its key. */
  contextFor(host: string): Promise<SecureContext>;
}
