/**
 * Programs in a real sandbox on a small internet of this machine: through the forwarder, the door and the rules, by
 * tunnel or looked into, or not at all. Each is told where the authorities are, as the sandbox tells it.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, normalize } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Internet, openInternet } from "../src/broker/egress/__tests__/internet.ts";
import { MAIN } from "../src/core/ids.ts";
import { givenHost } from "./journey.ts";

const run = promisify(execFile);
/** The program itself: its wrapper looks for settings in /etc, which is not in the sandbox. */
const CHROMIUM = "/usr/lib/chromium/chromium";
const MINUTES = 4 * 60_000;

let internet: Internet;
let files: string;
/** Requests that came to pages.test. */
const read: string[] = [];

/** Answers with what lies below `root`. */
const below = (root: string) => async (url: string | undefined) =>
  await readFile(join(root, normalize(new URL(url ?? "/", "http://h").pathname))).catch(() => undefined);

beforeAll(async () => {
  files = await mkdtemp(join(tmpdir(), "bellhop-sites-"));
  internet = await openInternet();

  await internet.site("pages.test", (request, response) => {
    read.push(`${request.method} ${request.url}`);
    response.setHeader("content-type", "text/html");
    response.end(
      `<html><title>Pages</title><body><p>The page says ${request.method} hello.</p></body></html>`,
    );
  });
  await internet.plainSite("pages.test", (_request, response) => void response.end("plain hello"));

  const repository = join(files, "repository.git");
  const git = async (...args: string[]) =>
    await run("git", ["-c", "user.name=A", "-c", "user.email=a@b.c", ...args]);
  await git("init", "-q", join(files, "work"));
  await writeFile(join(files, "work", "README"), "cloned well");
  await git("-C", join(files, "work"), "add", ".");
  await git("-C", join(files, "work"), "commit", "-qm", "One");
  await git("clone", "-q", "--bare", join(files, "work"), repository);
  await git("-C", repository, "update-server-info");
  const fromGit = below(files);
  await internet.site("git.test", (request, response) => {
    void fromGit(request.url).then((bytes) => response.writeHead(bytes ? 200 : 404).end(bytes));
  });

  await mkdir(join(files, "package"));
  await writeFile(
    join(files, "package", "package.json"),
    JSON.stringify({ name: "tiny", version: "1.0.0", main: "index.js" }),
  );
  await writeFile(join(files, "package", "index.js"), "module.exports = 'tiny works';");
  await run("tar", ["-czf", join(files, "tiny.tgz"), "-C", files, "package"]);
  const tarball = await readFile(join(files, "tiny.tgz"));
  await internet.site("registry.test", (request, response) => {
    if (request.url?.endsWith(".tgz")) {
      response.end(tarball);
      return;
    }
    if (request.url !== "/tiny") {
      response.writeHead(404).end("{}");
      return;
    }
    const integrity = `sha512-${createHash("sha512").update(tarball).digest("base64")}`;
    const dist = { tarball: "https://registry.test/tiny/-/tiny-1.0.0.tgz", integrity };
    response.setHeader("content-type", "application/json");
    response.end(
      JSON.stringify({
        name: "tiny",
        "dist-tags": { latest: "1.0.0" },
        versions: { "1.0.0": { name: "tiny", version: "1.0.0", main: "index.js", dist } },
      }),
    );
  });

  const wheel = join(files, "tiny-1.0-py3-none-any.whl");
  await run("/usr/bin/python3", [
    "-c",
    `import zipfile; z = zipfile.ZipFile(${JSON.stringify(wheel)}, "w")
z.writestr("tiny.py", "")
z.writestr("tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: tiny\\nVersion: 1.0\\n")
z.writestr("tiny-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
z.writestr("tiny-1.0.dist-info/RECORD", "")
z.close()`,
  ]);
  const fromIndex = below(files);
  await internet.site("pypi.test", (request, response) => {
    response.setHeader("content-type", request.url?.endsWith(".whl") ? "application/zip" : "text/html");
    if (request.url === "/simple/tiny/") {
      response.end(`<a href="/tiny-1.0-py3-none-any.whl">tiny-1.0-py3-none-any.whl</a>`);
      return;
    }
    void fromIndex(request.url).then((bytes) => response.writeHead(bytes ? 200 : 404).end(bytes));
  });

  const chatter = await internet.site("ws.test", () => undefined);
  chatter.server.on("upgrade", (request, socket) => {
    const accept = createHash("sha1")
      .update(`${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
      .digest("base64");
    socket.on("error", () => undefined);
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    socket.write(Buffer.concat([Buffer.from([0x81, 10]), Buffer.from("from there")]));
  });
}, 120_000);

afterAll(async () => {
  await internet.close();
  await rm(files, { recursive: true, force: true });
});

const RULES = ["pages.test", "git.test", "registry.test", "pypi.test", "ws.test"]
  .map((host) => `    - { host: ${host}, write: ${String(host === "ws.test")} }\n`)
  .join("");
/** For what is not looked into: this internet's own authority, beside what every sandbox trusts. */
const TRUSTING = [
  "cat /run/bellhop/ca-bundle.pem roots.pem > /tmp/roots.pem",
  "export CURL_CA_BUNDLE=/tmp/roots.pem",
].join("; ");

/** A house with this internet. `tainted`: the session has read a page already. Nobody is asked. */
async function given(tainted: boolean, rules = RULES) {
  const config = `egress:\n  mode: deny\n  rules:\n${rules}`;
  const journey = await givenHost({ config, network: internet.network });
  const roots = join(journey.home, "groups", MAIN, "roots.pem");
  await writeFile(roots, internet.roots.ca, { mode: 0o644 });
  const sh = async (command: string) => (await journey.ask(`run: ${command}`)).answer;
  if (tainted) await sh("curl -sS http://pages.test/");
  return { ...journey, sh };
}

describe("a program in a sandbox", () => {
  it(
    "reaches what a rule allows, first by a tunnel and then looked into, and nothing else",
    async () => {
      const { sh } = await given(false);

      const answers = await sh(
        [
          TRUSTING,
          "curl -sS https://pages.test/a",
          "curl -sS http://pages.test/",
          "curl -sS --http2 -o /dev/null -w 'http %{http_version}\\n' https://pages.test/",
          "curl -sS https://unknown.test/ || true",
          "curl -sS http://unknown.test/; echo",
          "curl -sS --noproxy '*' -m 3 https://pages.test/ || true",
          "curl -sS -m 3 http://127.0.0.1:8080/ ; echo",
        ].join("; "),
      );

      expect(answers).toContain("The page says GET hello.");
      expect(answers).toContain("plain hello");
      expect(answers).toContain("http 2");
      expect(answers).toMatch(
        /unknown\.test:80 may not be reached.*bellhop allow unknown\.test --group main/,
      );
      expect(answers).toMatch(/CONNECT tunnel failed, response 403/);
      expect(answers).toMatch(/Could not resolve host: pages\.test/);
    },
    MINUTES,
  );

  it(
    "that has read a page sends nothing there that an owner has not approved",
    async () => {
      const { sh, client } = await given(true);

      const sending = sh("curl -sS -X POST -d x https://pages.test/form");
      await expect.poll(() => client.trust.approvals(false), { timeout: MINUTES }).toHaveLength(1);
      const [card] = await client.trust.approvals(false);
      await client.trust.answer([card?.id ?? ""], "once");

      expect(card?.words).toContain("POST pages.test:443/form");
      expect(await sending).toContain("The page says POST hello.");
    },
    MINUTES,
  );

  it.each([
    ["curl", "curl -sS https://pages.test/", "The page says GET hello."],
    ["git clone", "git clone -q https://git.test/repository.git r && cat r/README", "cloned well"],
    ["npm view", "npm view tiny version --registry https://registry.test/", "1.0.0"],
    [
      "npm install",
      "mkdir -p n && cd n && npm install --no-audit --no-fund --registry https://registry.test/ tiny >/dev/null && node -p 'require(`tiny`)'",
      "tiny works",
    ],
    [
      "Python",
      "python3 -c 'import urllib.request as u; print(u.urlopen(`https://pages.test/`).read().decode())'".replaceAll(
        "`",
        '"',
      ),
      "The page says GET hello.",
    ],
    [
      "pip download",
      "python3 -m pip download -q --disable-pip-version-check --no-deps --index-url https://pypi.test/simple/ -d p tiny && ls p",
      "tiny-1.0-py3-none-any.whl",
    ],
    [
      "Node's fetch",
      "node -e 'fetch(\"https://pages.test/\").then((r) => r.text()).then(console.log)'",
      "The page says GET hello.",
    ],
    [
      "Node's WebSocket",
      "node -e 'const w = new WebSocket(\"wss://ws.test/\"); w.onmessage = (e) => { console.log(e.data); process.exit() }; w.onerror = (e) => { console.log(e.error ?? e.message); process.exit(1) }'",
      "from there",
    ],
  ])(
    "works through the door, looked into: %s",
    async (_name, command, expected) => {
      const { sh } = await given(true);

      expect(await sh(command)).toContain(expected);
    },
    MINUTES,
  );

  it.skipIf(!existsSync(CHROMIUM) && process.env["BELLHOP_CI"] !== "1")(
    "may be Chromium, which loads a page",
    async () => {
      const { sh } = await given(true);
      const shown = await sh(
        `${CHROMIUM} --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --user-data-dir=/tmp/c --proxy-server=http://127.0.0.1:8080 --dump-dom https://pages.test/ 2>&1 | tail -c 1500`,
      );

      expect(shown).toContain("The page says GET hello.");
    },
    MINUTES,
  );

  it(
    "may be the engine's own WebFetch, which asks nobody else before",
    async () => {
      const { ask } = await given(true);
      internet.asked.length = 0;
      read.length = 0;

      await ask('tool: ToolSearch {"query": "select:WebFetch"}');
      const { answer } = await ask(
        'tool: WebFetch {"url": "https://pages.test/", "prompt": "What does it say?"}',
      );

      // What it fetched it gives to the model, which here is a stand-in that has nothing to say of it.
      expect(answer).toContain("I am the rehearsal model");
      expect(read).toEqual(["GET /"]);
      expect(new Set(internet.asked)).toEqual(new Set(["pages.test"]));
    },
    MINUTES,
  );
});

describe("an owner", () => {
  it(
    "allows a host and a service of this house by command, and takes them back",
    async () => {
      await internet.plainSite("nas.test", (_request, response) => void response.end("photos"), {
        port: 5000,
        at: "192.168.1.20",
      });
      const journey = await given(false, "    []\n");
      const { sh, client } = journey;
      const before = await sh("curl -sS http://pages.test/; curl -sS http://nas.test:5000/");

      const page = await client.egress.add({
        group: MAIN,
        rule: { host: "pages.test" },
        private: false,
      });
      await expect(
        client.egress.add({ group: null, rule: { host: "nas.test", port: 5000 }, private: false }),
      ).resolves.toMatchObject({ pin: null });
      const stillNot = await sh("curl -sS http://nas.test:5000/");
      const pinned = await client.egress.add({
        group: null,
        rule: { host: "nas.test", port: 5000 },
        private: true,
      });
      const after = await sh("curl -sS http://pages.test/; curl -sS http://nas.test:5000/");
      await client.egress.remove(page.id);
      const again = await sh("curl -sS http://pages.test/");

      expect(before).not.toMatch(/plain hello|photos/);
      expect(stillNot).toContain("--private");
      expect(pinned.pin).toBe("192.168.1.20");
      expect(after).toMatch(/plain hello[\s\S]*photos/);
      expect(again).toContain("may not be reached");
      expect((await client.status()).pins).toEqual([
        { group: null, target: "nas.test:5000", address: "192.168.1.20" },
      ]);
      internet.names.set("cloud.test", ["169.254.169.254"]);
      for (const rule of [
        { host: "cloud.test", port: 80 },
        { host: "nas.test" },
        { host: "*.test", port: 80 },
      ]) {
        await expect(client.egress.add({ group: null, rule, private: true })).rejects.toThrow(
          /nobody can allow|name and port/,
        );
      }
      const { port } = new URL(journey.host().url);
      await expect(
        client.egress.add({
          group: null,
          rule: { host: "self.test", port: Number(port) },
          private: true,
          address: "127.0.0.1",
        }),
      ).rejects.toThrow(/Bellhop itself/);
    },
    MINUTES,
  );
});
