/**
 * How a chat command is written: `/name`, `/name@Assistant`, then whatever it is given. Pure.
 *
 * Anything else that begins with a slash is text like any other: a path (`/etc/passwd is odd`), a lone
 * slash, a name that no command could have. The first letter may be a capital: phones write it so. What a plugin
 * brings to the engine has the plugin's name before it: `/weather:outlook`.
 */

export interface CommandText {
  /** In lower case. */
  readonly name: string;
  /** Whose command it is, where several programs share a chat. */
  readonly at: string | undefined;
  /** What follows, without the white space around it. */
  readonly argument: string;
}

/** The length bounds what an answer has to repeat. */
const COMMAND = /^\/([A-Za-z][a-z0-9_-]{0,31}(?::[a-z0-9_-]{1,63})?)(?:@(\S{1,64}))?(?=\s|$)/;

export function parseCommand(text: string): CommandText | undefined {
  const [whole, name, at] = COMMAND.exec(text) ?? [];
  if (whole === undefined || name === undefined) return undefined;
  return { name: name.toLowerCase(), at, argument: text.slice(whole.length).trim() };
}

/** The same without whom it is for: the engine knows its own commands under their bare names. */
export function withoutAddress(text: string): string {
  const command = parseCommand(text);
  if (!command) return text;
  return command.argument === "" ? `/${command.name}` : `/${command.name} ${command.argument}`;
}
