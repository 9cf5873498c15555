/** Where our Dockerfile is: beside this module in the package, in `container/` in the repository. */
import { readFile } from "node:fs/promises";
import { ConfigError } from "@bellhop/sdk";
import { hasCode } from "../../core/error-code.ts";

/** @throws ConfigError when the installation lacks it */
export async function readDockerfile(): Promise<string> {
  for (const place of ["Dockerfile", "../../../../../container/Dockerfile"]) {
    try {
      return await readFile(new URL(place, import.meta.url), "utf8");
    } catch (error) {
      if (!hasCode(error, "ENOENT")) throw error;
    }
  }
  throw new ConfigError("This installation of Bellhop lacks its Dockerfile; install it anew.");
}
