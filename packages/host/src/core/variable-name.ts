/** Names that a variable of a sandbox cannot have, whoever wants to set it: a person's secret or a plugin. */

const MODEL_CREDENTIAL = /^(ANTHROPIC_|CLAUDE_)/i;
const OF_THE_ROOM =
  /^(PATH|HOME|USER|SHELL|LANG|LC_.*|TMPDIR|PWD|OLDPWD|IFS|ENV|BASH.*|PS\d|TERM|TZ|LD_.*|DYLD_.*|NODE_.*|BUN_.*|DENO_.*|PYTHON.*|PERL.*|RUBY.*|JAVA_.*|GIT_.*|CURL_.*|SSL_.*|REQUESTS_.*|CARGO_.*|AWS_CA_BUNDLE|PIP_.*|NPM_CONFIG_.*|.*_PROXY|OPENSSL_.*|BELLHOP.*)$/i;

/** What the model's API is paid with, and where it is: no agent and no group has a say in that. */
export const isOfTheModel = (name: string): boolean => MODEL_CREDENTIAL.test(name);

/** The sandbox and its programs live by it. */
export const isOfTheRoom = (name: string): boolean => OF_THE_ROOM.test(name);
