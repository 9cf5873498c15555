/** Types of `bundle-plugin.mjs`, for its tests. */
import type { rolldown } from "rolldown";

export function bundlePlugin(bundler: typeof rolldown, source: string, target: string): Promise<void>;
