/** A plugin that connects a platform, here one that is asked for news and given messages over HTTP. */
import { identifier } from "./hook.ts";
import type { Scaffold } from "./scaffold.ts";
import { readme } from "./skill.ts";

export function channelFiles(name: string): Scaffold {
  const variable = `${name.toUpperCase().replaceAll("-", "_").replace(/^(\d)/, "_$1")}_TOKEN`.replace(
    /^_/,
    "P_",
  );
  return {
    needsSdk: true,
    description: `Connects ${name}`,
    manifest: {
      entry: "src/index.js",
      channel: true,
      environment: [{ name: variable, description: `the token of the account`, required: true }],
      settings: {
        type: "object",
        properties: { url: { type: "string", description: "Where its service is" } },
        required: ["url"],
        additionalProperties: false,
      },
    },
    files: {
      "src/index.js": `/** The channel of ${name}: one account, by the token that it is given. */
import { createChannel } from "./channel.js";

/** @type {import("@bellhop/sdk").MakePlugin} */
export default function ${identifier(name)}({ settings, environment }) {
  return {
    channels: [createChannel({ name: "${name}", url: settings.url, token: environment.${variable} })],
  };
}
`,
      "src/channel.js": CHANNEL,
      "test/channel.test.js": TEST.replaceAll("NAME", name),
      "README.md": readme(
        name,
        "Connects a platform.",
        `
\`src/channel.js\` speaks an invented protocol: put your platform's in its place. It holds no policy, no retries and no
database; Bellhop has those. What matters most is the class of each error: whether a message may have arrived
decides whether it is sent again.

Its tests find \`@bellhop/sdk\` through \`node_modules/@bellhop/sdk\`, which leads into the Bellhop that made this folder.
`,
      ),
    },
  };
}

const CHANNEL = `/**
 * Listens by asking for news after the last one, and sends one message at a time.
 *
 * The cursor moves only after \`accept\` has resolved: a crash in between brings the message again, and Bellhop
 * knows it by its id.
 */
import { ConfigError, RejectedError, TemporaryError, UnknownOutcomeError } from "@bellhop/sdk";

export function createChannel({ name, url, token, fetch = globalThis.fetch }) {
  let health = { state: "connecting" };

  async function call(path, body, signal) {
    let response;
    try {
      response = await fetch(new URL(path, url), {
        method: body === undefined ? "GET" : "POST",
        headers: { authorization: \`Bearer \${token}\`, "content-type": "application/json" },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal,
      });
      if (response.ok) return await response.json();
    } catch (cause) {
      signal.throwIfAborted();
      // Nobody listened, so nothing arrived. After that, nobody can say.
      const refused = cause.cause?.code === "ECONNREFUSED";
      const Failure = refused || body === undefined ? TemporaryError : UnknownOutcomeError;
      throw new Failure(\`\${name} gave no answer\`, { cause });
    }
    const why = \`\${name} answered with HTTP \${response.status}\`;
    switch (response.status) {
      case 401:
      case 403:
        throw new ConfigError(\`\${why}. Is the token right?\`);
      case 429: {
        const seconds = Number(response.headers.get("retry-after") ?? 1);
        throw new TemporaryError(why, { retryAfterMs: seconds * 1000 });
      }
      default:
        throw response.status >= 500 ? new UnknownOutcomeError(why) : new RejectedError(why);
    }
  }

  return {
    name,
    account: "",
    abilities: {
      maxTextLength: 4000,
      lengthUnit: "utf16",
      // The service takes a second message with the same key for the same.
      resend: { how: "once" },
      reactions: false,
      quotes: false,
      edits: false,
    },
    async listen(cursor, accept, signal) {
      for (let after = cursor ?? "0"; ;) {
        const news = await call(\`/news?after=\${encodeURIComponent(after)}\`, undefined, signal).catch((error) => {
          if (!signal.aborted) health = { state: "down", why: error.message };
          throw error;
        });
        health = { state: "up" };
        for (const { id, chat, from, text } of news) {
          await accept({ platformId: id, kind: "message", version: 0, chat, sender: { id: from, name: from }, text }, id);
          after = id;
        }
      }
    },
    async send(message, signal) {
      if (message.kind !== "text") throw new RejectedError(\`\${name} takes texts alone\`);
      const { key, chat, text } = message;
      const { id } = await call("/messages", { key, chat, text }, signal);
      return { platformId: id };
    },
    health: () => health,
  };
}
`;

const TEST = `import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { json } from "node:stream/consumers";
import { after, test } from "node:test";
import { createChannel } from "../src/channel.js";

/** The service, as small as it can be. */
const said = [];
const news = [{ id: "1", chat: "kitchen", from: "ann", text: "hello" }];
let status = 200;
const server = createServer(async (request, response) => {
  if (status !== 200) return response.writeHead(status, { "retry-after": "7" }).end();
  if (request.headers.authorization !== "Bearer good") return response.writeHead(401).end();
  const url = new URL(request.url, "http://service");
  if (url.pathname === "/messages") {
    said.push(await json(request));
    return response.end(JSON.stringify({ id: String(said.length) }));
  }
  const fresh = news.filter(({ id }) => Number(id) > Number(url.searchParams.get("after")));
  if (fresh.length > 0) response.end(JSON.stringify(fresh)); // else it is held until there is something
});
server.listen(0, "127.0.0.1");
await once(server, "listening");
after(() => {
  server.closeAllConnections();
  server.close();
});

const channel = (token = "good") =>
  createChannel({ name: "NAME", url: \`http://127.0.0.1:\${server.address().port}\`, token });
const text = { kind: "text", key: "k1", chat: "kitchen", text: "hi" };
const signal = new AbortController().signal;

test("what is said comes in, with the place to go on from", async () => {
  const stop = new AbortController();
  const heard = [];

  await assert.rejects(
    channel().listen(undefined, async (inbound, cursor) => { heard.push([inbound.text, cursor]); stop.abort(); }, stop.signal),
  );

  assert.deepEqual(heard, [["hello", "1"]]);
});

test("what is sent arrives under its key", async () => {
  const { platformId } = await channel().send(text, signal);

  assert.equal(platformId, "1");
  assert.deepEqual(said, [{ key: "k1", chat: "kitchen", text: "hi" }]);
});

for (const [answer, error] of [[400, "RejectedError"], [429, "TemporaryError"], [503, "UnknownOutcomeError"]]) {
  test(\`an answer of \${answer} is a \${error}\`, async () => {
    status = answer;
    try {
      await assert.rejects(channel().send(text, signal), { name: error });
    } finally {
      status = 200;
    }
  });
}

test("a token that is refused is for the owner to mend", async () => {
  await assert.rejects(channel("bad").send(text, signal), { name: "ConfigError" });
});
`;
