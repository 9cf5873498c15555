/** The lines that plugins add to the image that agents work in, each read from its plugin's folder. */
import { ConfigError, RejectedError } from "@bellhop/sdk";
import type { KnownPlugin } from "../../core/plugin.ts";
import { readBeneath } from "../../core/open-beneath.ts";

const MOST_BYTES = 64 * 1024;

/** @throws ConfigError for one that cannot be read */
export async function layersOf(
  plugins: readonly Pick<KnownPlugin, "name" | "manifest" | "folder">[],
): Promise<readonly { readonly plugin: string; readonly fragment: string }[]> {
  const layers = await Promise.all(
    plugins.map(async ({ name, manifest: { imageLayer }, folder }) => {
      if (imageLayer === undefined) return [];
      try {
        const fragment = (await readBeneath(folder, imageLayer, { maxBytes: MOST_BYTES })).toString("utf8");
        return [{ plugin: name, fragment }];
      } catch (cause) {
        if (!(cause instanceof RejectedError)) throw cause;
        throw new ConfigError(
          `The image layer of the plugin ${name} cannot be used: ${cause.message}. Without it: bellhop plugins disable ${name}`,
          { cause },
        );
      }
    }),
  );
  return layers.flat();
}
