import { once } from "node:events";
import { chmodSync, chownSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import { join } from "node:path";
import { randomBytes } from "node:crypto";
import { TLSSocket } from "node:tls";
import { afterAll, describe, expect, it, onTestFinished } from "vitest";
import { openCertificates } from "../../broker/certificates.ts";
import { createInjection } from "../../broker/injection.ts";
import { Binding } from "../../broker/secrets/binding.ts";
import { SecretName } from "../../broker/secrets/file.ts";
import { openTrust } from "../../broker/trust.ts";
import { systemClock } from "../../core/clock.ts";
import { GroupFolder } from "../../core/ids.ts";
import { silentLog } from "../../log.ts";
import { createBubblewrap } from "../bubblewrap.ts";
import { withPlaceholders } from "../placeholders.ts";
import { sandboxUid } from "../staging.ts";
import { bash, createRoom, MiB, node, run } from "./room.ts";

const demanded = process.env["BELLHOP_CI"] === "1";
const room = createRoom(sandboxUid);
mkdirSync(join(room.home, "run"), { recursive: true, mode: 0o700 });
afterAll(() => room.remove());

const VALUE = "the-real-value-of-it";
const NAME = SecretName.parse("WIKI_TOKEN");
const group = GroupFolder.parse("ours");
const runtime = withPlaceholders(
  createBubblewrap({ home: room.home, clock: systemClock, log: silentLog }),
  () => ({ WIKI_TOKEN: `bellhop-secret-${NAME}` }),
);
const probe = await runtime.probe();
if (!probe.ok && demanded) throw new Error(`${probe.reason}. ${probe.fix}`);

const certificates = await openCertificates({
  directory: join(room.home, "ca"),
  clock: systemClock,
  random: randomBytes,
});
const furnish = await openTrust(join(room.home, "run"), certificates.ca);
const spec = room.spec("ours", { limits: { memoryBytes: 2_048 * MiB, pids: 512, tmpBytes: 256 * MiB } });
await furnish(spec.doorDirectory);

/** Ends TLS for wiki.example as the broker does, puts the secret in, and says what it got. */
async function door(): Promise<{ got: string[] }> {
  const injection = createInjection({
    secretsOf: () => [
      {
        name: NAME,
        value: VALUE,
        bind: [
          Binding.parse({ host: "wiki.example", as: "bearer" }),
          Binding.parse({ host: "wiki.example", as: "basic", user: "git" }),
        ],
      },
    ],
    onMissing: () => undefined,
    onUse: () => undefined,
  });
  const got: string[] = [];
  const inner = createServer((request: IncomingMessage, response) => {
    const { method = "", url: path = "", headers } = request;
    const injected = injection.apply({ group, host: "wiki.example", port: 443, method, path, headers });
    got.push(`${path} ${String(injected.headers["authorization"])}`);
    if (path.startsWith("/repo.git/") && headers.authorization === undefined) {
      response.writeHead(401, { "www-authenticate": 'Basic realm="wiki"' }).end(); // what git waits for
      return;
    }
    if (path.startsWith("/repo.git/info/refs")) {
      response.end(`${"1".repeat(40)}\trefs/heads/main\n`);
      return;
    }
    response.setHeader("content-type", "text/html");
    response.end("<p>a page behind our certificate</p>");
  });
  const server = createServer();
  server.on("connect", (request, socket) => {
    const answer = async () => {
      const secureContext = await certificates.contextFor((request.url ?? "").split(":")[0] ?? "");
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      const tls = new TLSSocket(socket, { isServer: true, secureContext });
      tls.on("error", () => undefined); // a browser drops what it opened to be ready
      inner.emit("connection", tls);
    };
    answer().catch(() => socket.destroy());
  });
  const socket = join(spec.doorDirectory, "broker.sock");
  rmSync(socket, { force: true });
  server.listen(socket);
  await once(server, "listening");
  chmodSync(socket, 0o600);
  const uid = sandboxUid(spec.groupNumber);
  if (uid !== undefined) chownSync(socket, uid, uid);
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { got };
}

describe.skipIf(!probe.ok)("a host whose TLS ends at the broker", () => {
  const clients = {
    curl: bash('curl -sSf -H "Authorization: Bearer $WIKI_TOKEN" https://wiki.example/curl'),
    git: bash('git ls-remote "https://git:$WIKI_TOKEN@wiki.example/repo.git"'),
    "Python's urllib": [
      "/usr/bin/python3",
      "-c",
      'import os,urllib.request as u; print(u.urlopen(u.Request("https://wiki.example/py", headers={"Authorization": "Bearer " + os.environ["WIKI_TOKEN"]})).read())',
    ],
    "Node's fetch": node(
      'fetch("https://wiki.example/node", { headers: { authorization: `Bearer ${process.env.WIKI_TOKEN}` } }).then((r) => r.text()).then(console.log)',
    ),
  };

  it.each(Object.entries(clients))(
    "is trusted by %s in the sandbox, which sends a placeholder and never has the secret",
    async (_name, argv) => {
      const { got } = await door();

      const { stdout, stderr, code } = await run(runtime, room.spec("ours"), argv);

      expect({ code, stderr }).toMatchObject({ code: 0 });
      expect(stdout).toMatch(/a page behind our certificate|refs\/heads\/main/);
      expect(stdout + stderr).not.toContain(VALUE);
      expect(got.join("\n")).toMatch(
        new RegExp(`Bearer ${VALUE}|Basic ${Buffer.from(`git:${VALUE}`).toString("base64")}`),
      );
    },
    60_000,
  );

  const chromium = existsSync("/usr/bin/chromium");
  if (!chromium && demanded) throw new Error("Chromium is wanted here; install the package chromium");
  it.skipIf(!chromium)(
    "is trusted by Chromium too, which goes through the broker",
    async () => {
      const { got } = await door();
      const words =
        "chromium --headless --no-sandbox --disable-gpu --user-data-dir=/tmp/c --dump-dom https://wiki.example/page";

      const { stdout, stderr } = await run(
        runtime,
        { ...room.spec("ours"), limits: spec.limits },
        bash(words),
      );

      expect({ stdout, stderr }).toMatchObject({
        stdout: expect.stringContaining("a page behind our certificate"),
      });
      expect(got.join("\n")).toContain("/page");
    },
    120_000,
  );

  it("is trusted by nobody who does not know of this install", async () => {
    await door();
    const env = { NODE_EXTRA_CA_CERTS: "" };
    const argv = node('fetch("https://wiki.example/").catch((error) => console.log(error.cause.code))');

    const { stdout } = await run(runtime, room.spec("ours"), argv, { env });

    expect(stdout).toMatch(/SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO/);
  }, 60_000);
});
