/**
 * Docker and Podman: one command line, but for a few words. Design 5.3 as options: no network,
 * read-only root, no capabilities, no new privileges, our filter of system calls, a real user, limits.
 */
import { RejectedError } from "@bellhop/sdk";
import { existsSync, readFileSync } from "node:fs";
import { release } from "node:os";
import { z } from "zod";
import { UnfitError } from "../unfit.ts";
import type { Client } from "./client.ts";
import { ANSWER_MS, type ContainerOrder, type Dialect, type EngineFacts, LABEL } from "./dialect.ts";

const DockerInfo = z.object({
  ServerVersion: z.string().default(""),
  CgroupVersion: z.string().default("1"),
  KernelVersion: z.string().default(""),
  OperatingSystem: z.string().default(""),
  SecurityOptions: z.array(z.string()).nullish(),
  InitBinary: z.string().default(""),
  MemoryLimit: z.boolean().default(false),
  PidsLimit: z.boolean().default(false),
});

const PodmanInfo = z.object({
  host: z.object({
    cgroupVersion: z.string().default(""),
    cgroupControllers: z.array(z.string()).nullish(),
    kernel: z.string().default(""),
    serviceIsRemote: z.boolean().default(false),
    security: z.object({ rootless: z.boolean().default(false) }).prefault({}),
  }),
  version: z.object({ Version: z.string() }),
});

const State = z.object({ OOMKilled: z.boolean().default(false) });

/** What every kernel has numbers for. Some refuse to be asked for more. */
const MOST_PROCESSES = 32_768;
/** Where distributions put it; Podman does not tell whether it found one. */
const CATATONIT = [
  "/usr/libexec/podman",
  "/usr/lib/podman",
  "/usr/libexec",
  "/usr/local/libexec/podman",
  "/usr/bin",
];

/** What is the same word for word. */
const shared = {
  image: (image: string) => ["image", "inspect", "--format", "{{.Id}}", image],
  start: (name: string) => ["start", "--attach", "--interactive", name],
  exec: (name: string, words: readonly string[]) => ["exec", "--interactive", name, ...words],
  remove: (names: readonly string[]) => ["rm", "--force", "--volumes", ...names],
  async ended(client: Client, name: string) {
    const printed = await client.run(
      ["inspect", "--type", "container", "--format", "{{json .State}}", name],
      ANSWER_MS,
    );
    return { outOfMemory: State.parse(JSON.parse(printed)).OOMKilled };
  },
  pick: (label: string) => ["ps", "--all", "--quiet", "--filter", `label=${label}`],
  gone: /no such container|no container with|is already in progress|does not exist in database/i,
  noImage:
    /no such image|unable to find image|image not known|does not exist in local storage|unknown image/i,
} as const;

export const docker: Dialect = {
  name: "docker",
  program: "docker",
  install: "Install Docker Engine, or choose another runtime",
  unverified: false,
  async facts(client) {
    const info = DockerInfo.parse(
      JSON.parse(await client.run(["info", "--format", "{{json .}}"], ANSWER_MS)),
    );
    const options = info.SecurityOptions ?? [];
    if (options.some((option) => option.startsWith("name=rootless"))) {
      throw new UnfitError(
        "Docker runs rootless here, where files of a sandbox would belong to nobody",
        "Use Podman, which can map your own user, or Docker as a service",
      );
    }
    return {
      version: info.ServerVersion,
      limits: limitsOf(`cgroup-v${info.CgroupVersion}`, info.MemoryLimit && info.PidsLimit),
      sameKernel: isThisKernel(info.KernelVersion) && !info.OperatingSystem.startsWith("Docker Desktop"),
      init: info.InitBinary !== "",
      seccomp: options.some((option) => option.startsWith("name=seccomp")),
    };
  },
  create: (order, facts) => [
    ...common(order, facts),
    ...(order.ociRuntime === undefined ? [] : ["--runtime", order.ociRuntime]),
    // A daemon that maps users otherwise would give the group's files to one that is nobody here.
    "--userns",
    "host",
    ...order.tmpfs.flatMap(({ target, bytes, own }) => {
      const whose = own ? `,mode=0700,uid=${order.user.uid},gid=${order.user.gid}` : ",mode=1777";
      return ["--tmpfs", `${target}:rw,exec,nosuid,nodev,size=${bytes}${whose}`];
    }),
    ...program(order),
  ],
  ...shared,
  list: (client, home) => list(client, home, `{{.ID}} {{.Label "${LABEL.host}"}}`),
};

export const podman: Dialect = {
  name: "podman",
  program: "podman",
  install: "Install Podman, or choose another runtime",
  unverified: false,
  async facts(client) {
    const { host, version } = PodmanInfo.parse(
      JSON.parse(await client.run(["info", "--format", "json"], ANSWER_MS)),
    );
    const controllers = host.cgroupControllers ?? [];
    const complete = ["memory", "pids", "cpu"].every((controller) => controllers.includes(controller));
    return {
      version: version.Version,
      limits: limitsOf(`cgroup-${host.cgroupVersion}`, complete),
      sameKernel: !host.serviceIsRemote && isThisKernel(host.kernel),
      init: CATATONIT.some((folder) => existsSync(`${folder}/catatonit`)),
      seccomp: true,
    };
  },
  create: (order, facts) => [
    // Podman takes the runtime as an option of its own.
    ...(order.ociRuntime === undefined ? [] : ["--runtime", order.ociRuntime]),
    ...common(order, facts),
    ...(process.getuid?.() === 0 ? [] : ["--userns", "keep-id"]),
    "--image-volume",
    "ignore",
    "--read-only-tmpfs=false",
    "--no-hosts",
    // Its own default is more than a process without CAP_SYS_RESOURCE may ask for.
    "--ulimit",
    `nproc=${processLimit()}`,
    ...order.tmpfs.flatMap(({ target, bytes }) => [
      "--tmpfs",
      `${target}:rw,exec,nosuid,nodev,size=${bytes},mode=1777`,
    ]),
    ...program(order),
  ],
  ...shared,
  // Without it, it first asks gently, and waits ten seconds for an answer.
  remove: (names) => ["rm", "--force", "--time", "0", "--volumes", ...names],
  list: (client, home) => list(client, home, `{{.ID}} {{index .Labels "${LABEL.host}"}}`),
};

/** Everything but what the engines spell differently, and what comes last. */
function common(order: ContainerOrder, facts: EngineFacts): string[] {
  const { name, labels, user, limits, pids, mounts, shmBytes, nofile, seccomp } = order;
  const { memoryBytes, cpus } = limits;
  return [
    ["create", "--name", name, "--interactive", "--pull", "never", "--hostname", "agent"],
    Object.entries(labels).flatMap(([label, value]) => ["--label", `${label}=${value}`]),
    ["--network", "none", "--read-only", "--cap-drop", "ALL", "--ipc", "private"],
    ["--security-opt", "no-new-privileges", "--security-opt", "label=disable"],
    seccomp === undefined ? [] : ["--security-opt", `seccomp=${seccomp}`],
    ["--user", `${user.uid}:${user.gid}`, "--workdir", "/"],
    ["--memory", String(memoryBytes), "--memory-swap", String(memoryBytes)],
    ["--cpus", String(cpus), "--pids-limit", String(pids), "--shm-size", String(shmBytes)],
    ["--ulimit", `nofile=${nofile}:${nofile}`, "--ulimit", "core=0:0"],
    ["--log-driver", "none", "--restart", "no", "--no-healthcheck"],
    facts.init ? ["--init"] : [],
    mounts.flatMap(({ source, target, mode }) => {
      return [
        "--mount",
        `type=bind,${field("source", source)},${field("target", target)}${mode === "ro" ? ",readonly" : ""}`,
      ];
    }),
  ].flat();
}

/** The image, and what is run in it. */
function program({ entry, image }: ContainerOrder): string[] {
  const [first, ...words] = entry;
  return ["--entrypoint", first, image, ...words];
}

/** A mount is written as a line of CSV. */
function field(name: string, path: string): string {
  if (/["\n\r]/.test(path)) {
    throw new RejectedError(`${JSON.stringify(path)} cannot be mounted: it has a quote or a line break`);
  }
  return path.includes(",") ? `"${name}=${path}"` : `${name}=${path}`;
}

async function list(client: Client, home: string, format: string) {
  const words = ["ps", "--all", "--filter", `label=${LABEL.home}=${home}`, "--format", format];
  const printed = await client.run(words, ANSWER_MS);
  return printed.split("\n").flatMap((line) => {
    const [name = "", host = ""] = line.trim().split(" ");
    return name === "" ? [] : [{ name, host }];
  });
}

function isThisKernel(kernel: string): boolean {
  return process.platform === "linux" && kernel === release();
}

function limitsOf(tier: string, complete: boolean): string {
  return complete ? tier : `${tier}, incomplete: this machine does not limit everything`;
}

/** Of processes of one user, beside `pids`, which counts those of the container. */
function processLimit(): string {
  const limits = process.platform === "linux" ? readFileSync("/proc/self/limits", "utf8") : "";
  const hard = Number(/^Max processes\s+\S+\s+(\d+)/m.exec(limits)?.[1] ?? MOST_PROCESSES);
  const limit = Math.min(hard, MOST_PROCESSES);
  return `${limit}:${limit}`;
}
