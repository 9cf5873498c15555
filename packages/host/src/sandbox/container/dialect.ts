/**
 * What container engines do not have in common: how each is asked for the same. A dialect only puts
 * words together and reads answers; container.ts does the rest.
 */
import type { Mount, SandboxLimits } from "../../turns/sandbox.ts";
import type { Client } from "./client.ts";

/** What an engine says of itself. */
export interface EngineFacts {
  readonly version: string;
  /** For `status`: what holds the limits. */
  readonly limits: string;
  /** Its containers run on this very kernel: sockets reach into them, device and inode mean the same. */
  readonly sameKernel: boolean;
  /** It brings a first process of its own that buries orphans. */
  readonly init: boolean;
  /** A file of system calls can be given along. */
  readonly seccomp: boolean;
}

export interface Orphan {
  readonly name: string;
  /** What its label says of the host that made it. */
  readonly host: string;
}

export interface ContainerOrder {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly image: string;
  readonly user: { readonly uid: number; readonly gid: number };
  readonly limits: SandboxLimits;
  /** Beside the limits of `limits`: processes of ours that live in there. */
  readonly pids: number;
  readonly mounts: readonly Mount[];
  readonly tmpfs: readonly {
    readonly target: string;
    readonly bytes: number;
    /** Of the agent's alone. */
    readonly own: boolean;
  }[];
  readonly shmBytes: number;
  readonly nofile: number;
  /** File of the filter, where the engine takes one. */
  readonly seccomp: string | undefined;
  readonly ociRuntime: string | undefined;
  /** The first program inside, with its words. */
  readonly entry: readonly [program: string, ...words: string[]];
}

export interface Ended {
  readonly outOfMemory: boolean;
}

export interface Dialect {
  readonly name: "docker" | "podman" | "apple-container";
  /** The client's program. */
  readonly program: string;
  /** How to get it. */
  readonly install: string;
  /** Nobody has run its contract suite on a real machine yet. */
  readonly unverified: boolean;
  /**
   * @throws RefusedError, TemporaryError when the engine does not answer
   * @throws UnfitError when it can never make sandboxes as it is set up
   */
  facts(client: Client): Promise<EngineFacts>;
  /** Words that fail when the image is not there. */
  image(image: string): readonly string[];
  create(order: ContainerOrder, facts: EngineFacts): readonly string[];
  start(name: string): readonly string[];
  exec(name: string, words: readonly string[]): readonly string[];
  remove(names: readonly string[]): readonly string[];
  /** Undefined where the engine cannot tell. */
  readonly ended: ((client: Client, name: string) => Promise<Ended>) | undefined;
  /** Containers of a home. */
  list(client: Client, home: string): Promise<readonly Orphan[]>;
  /** Words that name, one a line, the containers with this label; undefined where the engine cannot pick. */
  readonly pick: ((label: string) => readonly string[]) | undefined;
  /** Tells a container that is not there (any more). */
  readonly gone: RegExp;
  /** Tells an image that is not there (any more). */
  readonly noImage: RegExp;
}

/** Our labels, on every container of ours. */
export const LABEL = { home: "bellhop.home", sandbox: "bellhop.sandbox", host: "bellhop.host" } as const;

/** How long an engine may take to say something about itself or what it has. */
export const ANSWER_MS = 15_000;
