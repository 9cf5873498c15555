/** What the commands of the benches share: numbers as options, and how a command ends. */

/** @throws TypeError with a sentence for whoever typed it */
export function wholeNumber(name: string, text: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number > 0) return number;
  throw new TypeError(`--${name} is a whole number above 0, not ${text}`);
}

/** Runs `main` and ends as it says; misuse is one sentence and exit code 2. */
export async function runCommand(command: string, main: () => Promise<number>): Promise<void> {
  try {
    process.exitCode = await main();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    process.stderr.write(`${error.message}. Help: npm run ${command} -- --help\n`);
    process.exitCode = 2;
  }
}
