/** Requests and answers of a plugin's routes, as they travel: short bodies in base64, long ones as streams. */
import { RejectedError, type RouteRequest, type RouteResponse } from "@bellhop/sdk";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { type Link, LONG_BYTES } from "../link/link.ts";

export async function requestFrom(
  link: Link,
  params: Readonly<Record<string, unknown>>,
): Promise<RouteRequest> {
  const { body, ...request } = params;
  const bytes =
    typeof body === "number" ? await buffer(link.receive(body)) : Buffer.from(String(body), "base64");
  // As the host writes it (plugins/asked.ts).
  return { ...(request as Omit<RouteRequest, "body">), body: bytes };
}

export function responseOf(link: Link, response: RouteResponse | undefined): object {
  if (typeof response !== "object") throw new RejectedError("the plugin gave no answer to a request");
  const { status, headers, body = "" } = response;
  const bytes = Buffer.from(body);
  return {
    status,
    headers,
    body: bytes.length > LONG_BYTES ? link.offer(() => Readable.from([bytes])) : bytes.toString("base64"),
  };
}
