/**
 * Apple's `container`, written against its command reference: each container is a small virtual machine, so no
 * socket of the host's reaches into it, and the door is carried by exec.
 *
 * Unverified: nobody has run the contract suite on a Mac yet, and it is used only where it is named. Its
 * command line has no words for capabilities, a read-only root, a filter of system calls or the number
 * of processes; the machine's own kernel is what the agent is alone with.
 */
import { z } from "zod";
import { UnfitError } from "../unfit.ts";
import { RefusedError } from "./client.ts";
import { ANSWER_MS, type Dialect, LABEL } from "./dialect.ts";

const MiB = 1024 * 1024;

const Listed = z.array(
  z.object({
    configuration: z.object({
      id: z.string(),
      labels: z.record(z.string(), z.string()).default({}),
    }),
  }),
);

export const appleContainer = (platform: string = process.platform): Dialect => ({
  name: "apple-container",
  program: "container",
  install: "Install it from github.com/apple/container, or choose another runtime",
  unverified: true,
  async facts(client) {
    if (platform !== "darwin") {
      throw new UnfitError("apple-container needs a Mac", "Choose another runtime");
    }
    const version = (await client.run(["--version"], ANSWER_MS)).trim();
    await client.run(["system", "status"], ANSWER_MS);
    return {
      version: version.replace(/^container CLI version /, ""),
      limits: "a virtual machine each (no limit of processes)",
      sameKernel: false,
      init: false,
      seccomp: false,
    };
  },
  image: (image) => ["image", "inspect", image],
  create: ({ name, labels, image, user, limits, mounts, tmpfs, entry: [first, ...words] }) => [
    "create",
    "--name",
    name,
    "--interactive",
    "--network",
    "none",
    "--no-dns",
    ...Object.entries(labels).flatMap(([label, value]) => ["--label", `${label}=${value}`]),
    "--user",
    `${user.uid}:${user.gid}`,
    "--workdir",
    "/",
    "--cpus",
    String(Math.ceil(limits.cpus)),
    "--memory",
    `${Math.ceil(limits.memoryBytes / MiB)}M`,
    ...mounts.flatMap(({ source, target, mode }) => {
      return ["--mount", `type=bind,source=${source},target=${target}${mode === "ro" ? ",readonly" : ""}`];
    }),
    ...tmpfs.flatMap(({ target }) => ["--tmpfs", target]),
    "--entrypoint",
    first,
    image,
    ...words,
  ],
  start: (name) => ["start", "--attach", "--interactive", name],
  exec: (name, words) => ["exec", "--interactive", name, ...words],
  remove: (names) => ["delete", "--force", ...names],
  ended: undefined,
  async list(client, home) {
    const printed = await client.run(["list", "--all", "--format", "json"], ANSWER_MS);
    const listed = Listed.safeParse(JSON.parse(printed));
    if (!listed.success) {
      throw new RefusedError("container", "list", "its answer is not as documented", { cause: listed.error });
    }
    return listed.data.flatMap(({ configuration: { id, labels } }) =>
      labels[LABEL.home] === home ? [{ name: id, host: labels[LABEL.host] ?? "" }] : [],
    );
  },
  pick: undefined,
  gone: /not found|notFound/,
  noImage: /image.*not found|notFound.*image/i,
});
