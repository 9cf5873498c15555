/**
 * What every sandbox runtime must prove on this machine, seen from inside (design 5.3). Run it with
 * `sandboxContract(...)` in the test file of the runtime.
 */
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { RejectedError } from "@bellhop/sdk";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { SandboxRuntime } from "../../turns/sandbox.ts";
import { DENIED } from "../seccomp.ts";
import { doorContract } from "./contract-door.ts";
import { mountsContract } from "./contract-mounts.ts";
import { bash, createRoom, MiB, nextLine, node, perl, processesWith, type Room, run, start } from "./room.ts";

export interface Subject {
  /** Names the runtime, the user and the tier of limits that are proved. */
  readonly name: string;
  readonly create: (home: string) => SandboxRuntime;
  /** The user of a group's sandboxes, where it is not that of this process. */
  readonly uid: (groupNumber: number) => number | undefined;
  /** What a room of this runtime may have of its own. */
  readonly own?: {
    /** The user inside, where it is that of outside. */
    readonly insideUid?: (groupNumber: number) => number;
    /** Places that can be written, beside those of every room: with what bounds them. */
    readonly writable?: readonly string[];
    /** Devices that are not there. */
    readonly without?: readonly string[];
    /** Variables that the engine gives its first program. */
    readonly environment?: readonly string[];
    /** `/etc` is that of an image, nothing of the host's. */
    readonly etcOfImage?: boolean;
  };
}

export function sandboxContract({ name, create, uid, own = {} }: Subject): void {
  describe(`a sandbox (${name})`, () => {
    let room: Room;
    let runtime: SandboxRuntime;

    beforeAll(() => {
      room = createRoom(uid);
      runtime = create(room.home);
      process.env["BELLHOP_CANARY"] = room.canary;
    });
    afterAll(() => {
      delete process.env["BELLHOP_CANARY"];
      room.remove();
    });

    const inside = (argv: readonly string[], options?: Parameters<typeof run>[3]) =>
      run(runtime, room.spec("ours"), argv, options);

    it("works, and its runtime says with which limits", async () => {
      expect(await runtime.probe()).toMatchObject({ ok: true, limits: expect.stringMatching(/./) });
    });

    describe("is a room that", () => {
      it("has exactly the environment it was given, and begins in the group's folder", async () => {
        const { stdout } = await inside(["/usr/bin/env", "-0"], { env: { GIVEN: "a b\nc", LANG: "de_DE" } });

        expect(
          Object.fromEntries(
            stdout
              .split("\0")
              .filter(Boolean)
              .map((pair) => pair.split(/=(.*)/s).slice(0, 2)),
          ),
        ).toEqual({
          PATH: "/opt/bellhop/bin:/usr/local/bin:/usr/bin:/bin",
          HOME: "/home/agent",
          USER: "agent",
          SHELL: "/bin/bash",
          TMPDIR: "/tmp",
          PWD: "/workspace/group",
          CLAUDE_CONFIG_DIR: "/home/agent/.claude",
          ANTHROPIC_BASE_URL: "http://127.0.0.1:8080",
          HTTP_PROXY: "http://127.0.0.1:8080",
          HTTPS_PROXY: "http://127.0.0.1:8080",
          http_proxy: "http://127.0.0.1:8080",
          https_proxy: "http://127.0.0.1:8080",
          NO_PROXY: "localhost,127.0.0.1",
          no_proxy: "localhost,127.0.0.1",
          NODE_USE_ENV_PROXY: "1",
          NODE_EXTRA_CA_CERTS: "/run/bellhop/ca.pem",
          DENO_CERT: "/run/bellhop/ca.pem",
          SSL_CERT_FILE: "/run/bellhop/ca-bundle.pem",
          CURL_CA_BUNDLE: "/run/bellhop/ca-bundle.pem",
          GIT_SSL_CAINFO: "/run/bellhop/ca-bundle.pem",
          REQUESTS_CA_BUNDLE: "/run/bellhop/ca-bundle.pem",
          PIP_CERT: "/run/bellhop/ca-bundle.pem",
          npm_config_cafile: "/run/bellhop/ca-bundle.pem",
          AWS_CA_BUNDLE: "/run/bellhop/ca-bundle.pem",
          CARGO_HTTP_CAINFO: "/run/bellhop/ca-bundle.pem",
          GIVEN: "a b\nc",
          LANG: "de_DE",
        });
      });

      it("keeps what is written to the group's folder and the engine's home, and shows the rest", async () => {
        const { stdout, code } = await inside(
          bash(
            "pwd; echo note > n.md && echo s > ~/.claude/s && cat /workspace/media/photo && node --version",
          ),
        );

        expect(stdout).toBe(`/workspace/group\na photo${process.version}\n`);
        expect(code).toBe(0);
        expect(readFileSync(join(room.folder("ours"), "n.md"), "utf8")).toBe("note\n");
        expect(existsSync(join(room.folder("ours"), ".claude", "s"))).toBe(true);
      });

      it("can be written nowhere else", async () => {
        const { stdout } = await inside(
          bash("find / -path /proc -prune -o -writable -not -type l -print | sort"),
        );

        expect(
          stdout.split("\n").filter((path) => path !== "" && !path.startsWith("/workspace/group/")),
        ).toEqual(
          [
            // Devices that hold nothing, and terminals of its own.
            ...["full", "null", "pts", "pts/ptmx", "random"].map((device) => `/dev/${device}`),
            "/dev/shm",
            ...["tty", "urandom", "zero"].map((device) => `/dev/${device}`),
            "/home/agent",
            "/home/agent/.claude",
            "/home/agent/.claude/s",
            "/tmp",
            "/workspace/group",
            ...(own.writable ?? []),
          ]
            .filter((path) => !own.without?.includes(path))
            .sort(),
        );
      });

      it("hands on exit codes and says when a program does not exist", async () => {
        expect(await inside(bash("exit 7"))).toMatchObject({ code: 7, cause: "exit" });
        expect(await inside(bash("kill -TERM $$"))).toMatchObject({ code: 143, cause: "exit" });
        expect(await inside(["/no/such/program"])).toMatchObject({
          code: 127,
          stderr: expect.stringContaining("cannot run /no/such/program"),
        });
      });

      it("gives a program nothing but its three streams", async () => {
        const { stdout } = await inside(["/usr/bin/ls", "/proc/self/fd"]);

        expect(stdout.trim().split("\n")).toEqual(["0", "1", "2", "3"]); // 3 is the folder that it lists
      });
    });

    describe("does not let out", () => {
      it("to the network: no address, no host loopback, no name, no abstract socket, no hypervisor", async () => {
        const tcp = await listening(
          createServer((socket) => socket.end("reached")),
          { port: 0, host: "127.0.0.1" },
        );
        const abstract = await listening(
          createServer((socket) => socket.end("reached")),
          { path: `\0${room.canary}` },
        );
        const address = tcp.address();
        const port = typeof address === "object" && address ? address.port : 0;
        const tries = [
          `{ host: "1.1.1.1", port: 80 }`,
          `{ host: "169.254.169.254", port: 80 }`,
          `{ host: "127.0.0.1", port: ${port} }`,
          `{ host: "::1", port: ${port} }`,
          `{ host: "example.com", port: 80 }`,
          `{ path: "\\0${room.canary}" }`,
        ];
        const script = `
          for (const options of [${tries.join(", ")}]) {
            const socket = require("node:net").connect(options);
            const said = await new Promise((resolve) => {
              socket.on("data", String).on("data", resolve).on("error", (error) => resolve(error.code));
            });
            console.log(said);
            socket.destroy();
          }`;

        const seen = await inside(node(`(async () => {${script}})()`));
        const links = await inside(bash("cut -d: -f1 -s /proc/net/dev | tr -d ' '"));
        const hypervisor = await inside(
          perl("socket(my $s, 40, 1, 0) or print $!{EAFNOSUPPORT} ? 'none' : $!"),
        );

        tcp.close();
        abstract.close();
        expect(seen.stdout.trim().split("\n")).toEqual([
          "ENETUNREACH",
          "ENETUNREACH",
          "ECONNREFUSED",
          expect.stringMatching(/^(ECONNREFUSED|EADDRNOTAVAIL)$/), // an engine may do without IPv6
          expect.stringMatching(/^(ENOTFOUND|EAI_AGAIN)$/),
          "ECONNREFUSED",
        ]);
        expect(links.stdout).toBe("lo\n");
        expect(hypervisor.stdout).toBe("none");
      });

      it("to the host's files", async () => {
        const { stdout } = await inside(
          bash(
            `cat /etc/shadow /root/.profile "${room.home}/.env" "${room.home}/open-to-all" 2>/dev/null; ls -A / /home /root /etc /workspace /var 2>/dev/null`,
          ),
        );

        expect(stdout).not.toContain(room.canary);
        const list = (path: string) => stdout.split(`${path}:\n`)[1]?.split("\n\n")[0]?.trim().split("\n");
        expect(list("/home")).toEqual(["agent"]);
        expect(list("/workspace")).toEqual(["group", "media"]);
        expect(list("/root")).toBeUndefined();
        // An image has one of its own, which nobody inside can read.
        expect(list("/etc")?.includes("shadow")).toBe(own.etcOfImage ?? false);
      });

      it("any secret of the host, in files, environments or command lines", async () => {
        writeFileSync(join(room.folder("ours"), "known"), room.canary);

        // The canary comes by stdin: as an argument it would find itself.
        const files = await inside(
          bash("grep -rslaF -D skip -f - / --exclude-dir=proc --exclude-dir=usr --exclude-dir=sys"),
          { stdin: room.canary },
        );
        const processes = await inside(
          bash(
            "cat > /tmp/c; cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline /proc/[0-9]*/task/*/environ /proc/keys 2>/dev/null | grep -caF -f /tmp/c",
          ),
          { stdin: room.canary },
        );
        const first = await inside(bash("cat /proc/1/environ; echo; tr '\\0' ' ' < /proc/1/cmdline"));

        expect(files.stdout).toBe("/workspace/group/known\n");
        expect(processes.stdout).toBe("0\n");
        expect(first.stdout).not.toContain(room.base);
        const names = first.stdout
          .split("\n")[0]
          ?.split("\0")
          .flatMap((pair) => pair.split("=")[0] ?? []);
        expect(["", "PATH", ...(own.environment ?? [])]).toEqual(expect.arrayContaining(names ?? []));
      });

      it("to another group: not its files, not its processes, not its user", async () => {
        const theirs = await start(runtime, room.spec("theirs"), bash("echo up; read -r"));
        await nextLine(theirs);
        const ours = await inside(
          bash(
            `cat "${room.folder("theirs")}/diary" /workspace/theirs/diary ../theirs/diary 2>/dev/null; ls /proc | grep -c '^[0-9]'; touch ours`,
          ),
        );
        await theirs.kill();

        expect(ours.stdout).not.toContain(room.canary);
        expect(Number(ours.stdout)).toBeLessThan(8);
        expect(statSync(join(room.folder("ours"), "ours")).uid).toBe(room.uidOf("ours"));
        expect(room.uidOf("ours")).not.toBe(0);
        expect(room.uidOf("ours") === room.uidOf("theirs")).toBe(process.getuid?.() !== 0);
      });

      it("to powers over the machine", async () => {
        const { stdout } = await inside(
          bash(
            "id -u; grep -E '^(CapInh|CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs|Seccomp):' /proc/self/status | tr -s '\\t ' ' '",
          ),
        );

        expect(stdout.trim().split("\n")).toEqual([
          String(own.insideUid?.(room.spec("ours").groupNumber) ?? 1000),
          ...["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"].map((set) => `${set}: 0000000000000000`),
          "NoNewPrivs: 1",
          "Seccomp: 2",
        ]);
      });

      it("to settings of the kernel, but for those of its own namespaces", async () => {
        const { stdout } = await inside(
          bash(`
            echo x > /proc/sys/kernel/core_pattern
            for file in $(find /proc/sys /proc/sysrq-trigger -type f -writable); do
              old=$(cat $file); echo 4242 > $file; [ "$(cat $file)" = "$old" ] || echo $file
            done 2> /dev/null`),
        );

        // They look writable because they are the sandbox's; the machine's must be as they were.
        const changed = stdout.trim().split("\n").filter(Boolean);
        for (const file of changed)
          expect(file).toMatch(
            /^\/proc\/sys\/(fs\/mqueue\/|kernel\/(msg|sem|shm|ns_last_pid|pid_max|auto_msgmni))/,
          );
        for (const file of changed) expect(readFileSync(file, "utf8").trim()).not.toBe("4242");
        expect(readFileSync("/proc/sys/kernel/core_pattern", "utf8").trim()).not.toBe("x");
      });

      it("by system calls: none to trace, take keys, mount, or make namespaces", async () => {
        const column = process.arch === "x64" ? 0 : 1;
        const names = [
          "ptrace",
          "keyctl",
          "add_key",
          "mount",
          "unshare",
          "bpf",
          "io_uring_setup",
          "perf_event_open",
          "setns",
        ] as const;
        const script = names.map(
          (name) =>
            `$! = 0; syscall(${DENIED[name][column]}, 0, 0, 0, 0, 0); print "${name} ", $!{EPERM} ? "denied" : "allowed: $!", "\\n";`,
        );

        const calls = await inside(perl(`use Errno; ${script.join(" ")}`));
        const nested = await inside(
          bash(
            "unshare --user true && echo made; unshare --net true && echo made; mount -t tmpfs x /tmp && echo made",
          ),
        );

        expect(calls.stdout.trim().split("\n")).toEqual(names.map((name) => `${name} denied`));
        expect(nested.stdout).toBe("");
      });
    });

    describe("holds its limits:", () => {
      /** A sandbox of the other group must go on answering, and ten times more once `work` is done. */
      async function whileAnother<T>(work: (enough: Promise<void>) => Promise<T>): Promise<T> {
        const other = await start(
          runtime,
          room.spec("theirs"),
          bash("while read -r line; do /usr/bin/env true && echo $line; done"),
        );
        const answer = async (turn: number) => {
          other.stdin.write(`${turn}\n`);
          expect(await nextLine(other)).toBe(String(turn));
        };
        await answer(0);
        const answers = (async () => {
          for (let turn = 1; turn <= 10; turn++) await answer(turn);
        })();
        const [result] = await Promise.all([work(answers), answers]);
        await other.kill();
        return result;
      }

      it("a fork bomb stops at the limit while another sandbox goes on", async () => {
        const bomb =
          "$| = 1; my $n = 0; while (1) { my $pid = fork; if (!defined $pid) { print qq(full $n\\n) if $n } elsif ($pid) { $n++ } else { $n = 0 } }";
        const ours = await start(runtime, room.spec("ours"), perl(bomb));
        const said = await nextLine(ours);

        await whileAnother((enough) => enough);
        await ours.kill();

        expect(said).toMatch(/^full \d+/);
        expect((await ours.exited).cause).toBe("killed-by-host");
      });

      it.each([
        ["one process", "my @x; push @x, 'x' x 1e6 while 1"],
        [
          "many processes",
          "for (1..20) { last unless fork } my @x; for (1..16) { push @x, 'x' x 1e6 } sleep 60",
        ],
      ])("a memory bomb of %s is ended while another sandbox goes on", async (_, bomb) => {
        const spec = room.spec("ours", { limits: { memoryBytes: 160 * MiB } });
        const result = await whileAnother(() =>
          run(runtime, spec, bash(`/usr/bin/perl -e "${bomb}" & wait $!`)),
        );

        expect(result.code === 0).toBe(false);
      });

      it("a program that is too big is told from one that failed", async () => {
        const spec = room.spec("ours", { limits: { memoryBytes: 160 * MiB } });

        const ended = await run(runtime, spec, perl("my @x; push @x, 'x' x 1e6 while 1"));

        expect(ended.cause).toBe("out-of-memory");
      });

      it("private file systems are full when they are full", async () => {
        const { stdout } = await inside(
          bash(
            "for d in /tmp /dev/shm /home/agent; do head -c 200M /dev/zero > $d/f 2>/dev/null; du -m $d/f | cut -f1; rm $d/f; done",
          ),
        );

        expect(stdout.trim().split("\n").map(Number)).toEqual([8, 64, 8]);
      });

      it("a process has a few thousand descriptors", async () => {
        const { stdout } = await inside(
          perl("my @f; while (open(my $f, '<', '/dev/null')) { push @f, $f } print scalar @f"),
        );

        expect(Number(stdout)).toBeGreaterThan(500);
        expect(Number(stdout)).toBeLessThanOrEqual(4096);
      });
    });

    describe("ends", () => {
      it("with everything in it when it is killed, and more than once is no harm", async () => {
        const marker = `${Math.floor(Math.random() * 1e9)}.25`;
        const ours = await start(
          runtime,
          room.spec("ours"),
          bash(
            `setsid setsid sleep ${marker} > /dev/null 2>&1 & (sleep ${marker} &); echo up; sleep ${marker}`,
          ),
        );
        await nextLine(ours);
        await expect.poll(() => processesWith(marker).length).toBeGreaterThanOrEqual(3);

        await Promise.all([ours.kill(), ours.kill()]);

        expect(processesWith(marker)).toEqual([]);
        expect(await ours.exited).toEqual({ code: null, signal: "SIGKILL", cause: "killed-by-host" });
        await ours.kill();
      });

      it("when it is killed before it has begun", async () => {
        const marker = `${Math.floor(Math.random() * 1e9)}.25`;
        const ours = await start(runtime, room.spec("ours"), ["/usr/bin/sleep", marker]);

        await ours.kill();

        expect(processesWith(marker)).toEqual([]);
      });

      it("with what its program left running when the program ends", async () => {
        const marker = `${Math.floor(Math.random() * 1e9)}.25`;

        await inside(bash(`setsid sleep ${marker} > /dev/null 2>&1 < /dev/null & exit 0`));

        expect(processesWith(marker)).toEqual([]);
      });

      it("before it has begun, when it is disposed of, and starts only once", async () => {
        const disposed = await runtime.prepare(room.spec("ours"));
        await disposed.dispose();
        const spawned = await runtime.prepare(room.spec("ours"));
        await spawned.spawn({ argv: ["/usr/bin/env", "true"], env: {} }).exited;

        expect(() => disposed.spawn({ argv: ["/usr/bin/env", "true"], env: {} })).toThrow(RejectedError);
        expect(() => spawned.spawn({ argv: ["/usr/bin/env", "true"], env: {} })).toThrow(RejectedError);
      });
    });

    doorContract(() => ({ room, runtime }));

    mountsContract(() => ({ room, runtime }));
  });
}

async function listening(
  server: Server,
  where: { port: number; host: string } | { path: string },
): Promise<Server> {
  await new Promise<void>((resolve) => server.listen(where, resolve));
  return server;
}
