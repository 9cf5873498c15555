/** What a plugin's skills may reach from a sandbox, as its manifest says it: allows alone. Pure. */
import type { Manifest } from "@bellhop/sdk";
import { z } from "zod";
import { EgressRule } from "../../core/egress-rule.ts";

export interface Rules {
  readonly rules: readonly EgressRule[];
  readonly problems: readonly string[];
}

const Allow = EgressRule.refine(({ action }) => action === "allow", {
  path: ["action"],
  error: "denies, which a plugin may not",
});

export function rulesOf({ egress }: Pick<Manifest, "egress">): Rules {
  const read = egress.map((rule) => Allow.safeParse(rule));
  return {
    rules: read.flatMap(({ data }) => data ?? []),
    problems: read.flatMap(({ error }, index) =>
      error
        ? `its ${index + 1}. rule of egress is left out: ${z.prettifyError(error).replace(/\s+/g, " ")}`
        : [],
    ),
  };
}
