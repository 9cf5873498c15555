/**
 * What of the agent image this machine lacks. Where bubblewrap makes the sandboxes, agents have the programs
 * of the machine's own `/usr`, so these should be there as well.
 */
import { execFile } from "node:child_process";
import { access, constants } from "node:fs/promises";
import { promisify } from "node:util";

export interface MissingTool {
  /** What an agent would call, or what it is. */
  readonly tool: string;
  /** The package of Debian and its kin that has it. */
  readonly package: string;
}

/** Node is not among them: it is mounted. */
const PROGRAMS: readonly MissingTool[] = [
  { tool: "git", package: "git" },
  { tool: "jq", package: "jq" },
  { tool: "curl", package: "curl" },
  { tool: "rg", package: "ripgrep" },
  { tool: "python3", package: "python3" },
  { tool: "chromium", package: "chromium" },
];
/** Languages as fontconfig names them. */
const FONTS = [
  { language: "en", tool: "Latin fonts", package: "fonts-dejavu-core" },
  { language: "ja", tool: "Chinese, Japanese and Korean fonts", package: "fonts-noto-cjk" },
  { language: "und-zsye", tool: "emoji fonts", package: "fonts-noto-color-emoji" },
];
const FOLDERS = ["/usr/local/bin", "/usr/bin", "/bin"];
const FC_LIST_MS = 10_000;

/** @param folders where programs are seen in a sandbox */
export async function missingTools(folders: readonly string[] = FOLDERS): Promise<readonly MissingTool[]> {
  const programs = await Promise.all(
    PROGRAMS.map(async (one) => ((await isIn(one.tool, folders)) ? [] : [one])),
  );
  return [...programs.flat(), ...(await missingFonts(folders))];
}

async function isIn(tool: string, folders: readonly string[]): Promise<boolean> {
  const looks = folders.map((folder) =>
    access(`${folder}/${tool}`, constants.X_OK).then(
      () => true,
      () => false,
    ),
  );
  return (await Promise.all(looks)).includes(true);
}

async function missingFonts(folders: readonly string[]): Promise<MissingTool[]> {
  if (!(await isIn("fc-list", folders))) {
    return [{ tool: "fonts, or fontconfig, which finds them", package: "fontconfig" }];
  }
  const looks = FONTS.map(async ({ language, tool, package: from }) => {
    const { stdout } = await promisify(execFile)("fc-list", [`:lang=${language}`, "family"], {
      env: { PATH: folders.join(":") },
      timeout: FC_LIST_MS,
    });
    return stdout.trim() === "" ? [{ tool, package: from }] : [];
  });
  return (await Promise.all(looks)).flat();
}
