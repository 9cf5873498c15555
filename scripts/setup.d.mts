/** Types of `setup.mjs`, for its test. */
export class SetupError extends Error {}

export interface LockFile {
  readonly packages?: Readonly<
    Record<string, { readonly version?: string; readonly integrity?: string; readonly optional?: boolean }>
  >;
}

export interface Machine {
  readonly platform: string;
  readonly root: boolean;
  readonly sudo: boolean;
  readonly bubblewrap: boolean;
  readonly family: string;
}

export interface SandboxPlan {
  readonly ready?: true;
  readonly commands?: readonly (readonly string[])[];
  readonly sentence?: string;
}

export function setUp(root: string): void;
export function ensureDependencies(root: string): void;
export function ensureSandbox(machine?: Machine): void;
export function staleness(locked: LockFile | undefined, installed: LockFile | undefined): string | undefined;
export function planSandbox(machine: Machine): SandboxPlan;
export function familyOf(osRelease: string): string;
export function runScript(main: () => Promise<void>): Promise<void>;
