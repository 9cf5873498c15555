/**
 * What a person may name when a plugin is to be added: `weather`, `@somebody/weather@1.2.0`, `./weather.tgz`,
 * `../weather`, `https://example.com/weather.git#v2`, `…#v2:plugins/weather` for a folder of a repository. Pure but for one look at whether a path is there.
 */
import { RejectedError } from "@bellhop/sdk";
import { statSync } from "node:fs";
import { resolve } from "node:path";

export type Origin =
  | { readonly kind: "npm"; readonly name: string; readonly wanted: string }
  | { readonly kind: "tarball"; readonly path: string }
  | { readonly kind: "folder"; readonly path: string }
  | {
      readonly kind: "git";
      readonly url: string;
      /** A branch, a tag or a commit; undefined: the repository's own branch. */
      readonly ref?: string | undefined;
      /** The plugin is in this folder of it. */
      readonly path?: string | undefined;
    };

const PACKAGE = /^((?:@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*)(?:@([^@/\s]+))?$/;
const GIT = /^(?:git\+)?((?:https|ssh|file):\/\/[^\s#]+)(?:#(.+))?$/;
/** As scp writes it. */
const GIT_OVER_SSH = /^([a-z0-9_.-]+@[a-z0-9.-]+:[^\s#]+)(?:#(.+))?$/i;
const GITHUB = /^github:([a-z0-9_.-]+\/[a-z0-9_.-]+)(?:#(.+))?$/i;

/**
 * @param from the folder that a relative path begins in
 * @throws RejectedError for what names nothing
 */
export function originOf(text: string, from: string): Origin {
  const path = resolve(from, text);
  const looksLikePath = /^(\.{0,2}\/|\.{1,2}$)/.test(text);
  const there = statSync(path, { throwIfNoEntry: false });
  if (looksLikePath || /\.(tgz|tar\.gz)$/.test(text)) {
    if (/^[a-z+]+:\/\//i.test(text)) {
      throw new RejectedError(`${text} is a file elsewhere: fetch it first, and name the file.`);
    }
    if (!there) throw new RejectedError(`There is no ${path}.`);
  }
  if (looksLikePath && there?.isDirectory()) return { kind: "folder", path };
  if (there?.isFile() && /\.(tgz|tar\.gz)$/.test(text)) return { kind: "tarball", path };
  const git = gitOf(text);
  if (git) return git;
  const [, name, wanted = "latest"] = PACKAGE.exec(text) ?? [];
  if (name !== undefined && !looksLikePath) return { kind: "npm", name, wanted };
  throw new RejectedError(
    `${JSON.stringify(text)} names no plugin: write a package (weather, weather@1.2.0), a file (./weather.tgz), a folder (./weather) or a git address (https://…, ssh://…, file://…).`,
  );
}

function gitOf(text: string): Origin | undefined {
  const [, repository, branch] = GITHUB.exec(text) ?? [];
  if (repository !== undefined) {
    return { kind: "git", url: `https://github.com/${repository}.git`, ref: checkedRef(branch) };
  }
  const [, url, rest] = GIT.exec(text) ?? GIT_OVER_SSH.exec(text) ?? [];
  if (url === undefined) return undefined;
  const [, ref, path] = /^([^:]*)(?::(.+))?$/.exec(rest ?? "") ?? [];
  return { kind: "git", url, ref: checkedRef(ref === "" ? undefined : ref), path };
}

/** As `originOf` reads it. */
export function gitAddress({ url, ref = "", path }: Extract<Origin, { kind: "git" }>): string {
  const rest = path === undefined ? ref : `${ref}:${path}`;
  return rest === "" ? url : `${url}#${rest}`;
}

function checkedRef(ref: string | undefined): string | undefined {
  if (ref === undefined || /^[A-Za-z0-9][A-Za-z0-9._/-]{0,200}$/.test(ref)) return ref;
  throw new RejectedError(`${JSON.stringify(ref)} is no branch, tag or commit.`);
}
