/** What a plugin's process is started with. */
import type { Json } from "@bellhop/sdk";

export interface Start {
  readonly name: string;
  /** Absolute. */
  readonly entry: string;
  readonly settings: Json;
  readonly environment: Readonly<Record<string, string>>;
  /** Of its own data; absolute. */
  readonly folder: string;
}
