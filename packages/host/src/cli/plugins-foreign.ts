/** What an owner is asked about a plugin that was made for another assistant, and what is taken over of it. */
import { answersOf, type ForeignAnswers, type ForeignPlugin } from "../plugins/market/foreign.ts";
import type { Fetched } from "../plugins/market/market.ts";
import { type HowToDecide, listOf, listWords } from "./plugins-decide.ts";
import type { Questions } from "./questions.ts";

/** Says what the plugin is and leaves out, and answers what it leaves open. */
export async function decideForeign(
  { foreign, before }: Pick<Fetched, "foreign" | "before">,
  { given, questions, show }: HowToDecide,
): Promise<ForeignAnswers | undefined> {
  if (!foreign) return undefined;
  show(`It is ${foreign.what}, made for another assistant. What of it runs beside the agent is taken over.`);
  for (const line of foreign.lost) show(`  ${line}`);
  const usual = answersOf(foreign, before);
  const chosen: ForeignAnswers = {
    hosts: given.host ?? usual.hosts,
    variables: Object.fromEntries(
      Object.entries(usual.variables).map(([name, one]) => {
        const hosts = given.bind?.[name];
        return [name, hosts === undefined ? one : { secret: true, hosts }];
      }),
    ),
  };
  if (!questions) {
    for (const [name, { secret, hosts }] of Object.entries(chosen.variables)) {
      if (secret && hosts.length === 0)
        show(`  ${name} is a secret that may go nowhere yet: --bind ${name}=HOST.`);
    }
    return chosen;
  }
  return await askForeign(foreign, chosen, questions, show);
}

async function askForeign(
  foreign: ForeignPlugin,
  chosen: ForeignAnswers,
  questions: Questions,
  show: (line: string) => void,
): Promise<ForeignAnswers> {
  show("It does not say which hosts it needs, nor what is secret.");
  if (foreign.hosts.length > 0) show(`Its texts name ${foreign.hosts.join(", ")}.`);
  const hosts = listOf(
    await questions.ask(
      "Which hosts may agents reach for it? (names with commas, or none)",
      listWords(chosen.hosts),
    ),
  );
  const variables: Record<string, { secret: boolean; hosts: readonly string[] }> = {};
  for (const { name } of foreign.variables) {
    const { secret, hosts: bound } = chosen.variables[name] ?? { secret: true, hosts: [] };
    const answer = await questions.ask(
      `Is ${name} a secret, which agents must not see?`,
      secret ? "yes" : "no",
    );
    if (!/^y(es)?$/i.test(answer)) {
      variables[name] = { secret: false, hosts: [] };
      continue;
    }
    const usual = listWords(bound.length > 0 ? bound : hosts);
    const places = listOf(
      await questions.ask(`To which hosts may ${name} be sent, as a bearer token?`, usual),
    );
    variables[name] = { secret: true, hosts: places };
  }
  return { hosts, variables };
}
