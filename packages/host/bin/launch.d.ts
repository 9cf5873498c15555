/** Types of `launch.js`, for its test. */
export function fits(versions: { readonly node: string; readonly sqlite?: string }): boolean;
export function broughtAlong(
  from?: string,
  machine?: { readonly platform: string; readonly arch: string },
): string | undefined;
export function findNode(): string | undefined;
export function launch(args: readonly string[]): Promise<void>;
export function run(program: string, args: readonly string[]): Promise<void>;
