/** What each command of `bellhop plugins` works on: the home, its market, and whoever can be asked. */
import { homeDirectory } from "../config.ts";
import { prepareHome } from "../home.ts";
import { createMarket } from "../plugins/market/market.ts";
import { pluginPlaces } from "../plugins/registry.ts";
import type { Io } from "./io.ts";
import type { Given, HowToDecide } from "./plugins-decide.ts";
import { givenVariables, pluginSecrets } from "./plugins-secrets.ts";
import { questionsAt } from "./questions.ts";

export interface HomeOptions {
  readonly home?: string;
}

export async function at(io: Io, options: HomeOptions & Given) {
  const { paths } = await prepareHome(homeDirectory({ home: options.home, env: io.env }));
  const market = createMarket({
    paths,
    env: io.env,
    places: pluginPlaces(paths.plugins),
    secrets: pluginSecrets(paths),
  });
  const how: HowToDecide = {
    given: options,
    questions: options.yes ? undefined : questionsAt(io),
    variables: await givenVariables(paths, io.env),
    show: (line) => io.stderr.write(`${line}\n`),
  };
  return { paths, market, how };
}
