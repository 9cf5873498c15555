/**
 * What pages may load. Each host that no rule of Bellhop's names has an owner asked, and pages name dozens:
 * so a page loads from its own site, and what else it names is passed over and told of, until the agent asks for it.
 */
import { request } from "node:http";

/**
 * A host with its neighbours: the last two labels of its name, or three where the last two are such as `co.uk`. No
 * list of all such endings: a mistake means that more, or fewer, pictures are loaded.
 */
export function siteOf(host: string): string {
  if (/^[\d.]+$|:/.test(host)) return host; // an address
  const labels = host.split(".");
  const [second = "", top = ""] = labels.slice(-2);
  const own = top.length === 2 && second.length <= 3 ? 3 : 2;
  return labels.slice(-own).join(".");
}

/** A reason in Bellhop's own words; it begins every sentence of its own so. */
const REASON = /^Bellhop: /;

/** Of the body of a refusal. */
export function reasonOf(body: string): string | undefined {
  try {
    const { error } = JSON.parse(body) as { error?: { message?: unknown } };
    const message = error?.message;
    return typeof message === "string" && REASON.test(message)
      ? message.replace(REASON, "").slice(0, 2_000)
      : undefined;
  } catch {
    return undefined; // a page, and no refusal
  }
}

/**
 * Asks the broker for a connection, and leaves it unused: of a browser's own the reason for a refusal cannot be had.
 * An owner may be asked, so this may take a minute.
 * @param proxy `http://…`; without one nothing is asked
 * @returns why not, where it is refused
 */
export function refusedBy(
  proxy: string | undefined,
  host: string,
  port: number,
): Promise<string | undefined> {
  if (proxy === undefined) return Promise.resolve(undefined);
  const { hostname, port: at } = new URL(proxy);
  const path = `${host}:${port}`;
  return new Promise((resolve) => {
    const asking = request({ host: hostname, port: at, method: "CONNECT", path, headers: { host: path } });
    asking.setTimeout(90_000, () => asking.destroy());
    asking.once("connect", (response, socket, head) => {
      if (response.statusCode === 200) {
        socket.destroy();
        return resolve(undefined);
      }
      const chunks: Buffer[] = [head];
      socket.on("data", (chunk: Buffer) => chunks.push(chunk));
      const done = () => {
        const why = `it answered ${response.statusCode}`;
        resolve(reasonOf(Buffer.concat(chunks).toString("utf8")) ?? why);
      };
      socket.once("end", done);
      socket.once("error", done);
    });
    // The browser will meet the same, and say it in its own way.
    asking.once("error", () => resolve(undefined));
    asking.end();
  });
}
