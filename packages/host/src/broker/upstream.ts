/** The one way to a provider, over TCP, TLS or a socket of our own. */
import { type ClientRequest, request as httpRequest, type RequestOptions } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Provider } from "./provider.ts";

/** A request for this path of its API, not sent yet. */
export function requestTo({ target }: Provider, path: string, options: RequestOptions): ClientRequest {
  if ("socketPath" in target) return httpRequest({ ...options, socketPath: target.socketPath, path });
  const { protocol, hostname, port, pathname } = target.baseUrl;
  const request = protocol === "https:" ? httpsRequest : httpRequest;
  return request({ ...options, hostname, port, path: pathname.replace(/\/$/, "") + path });
}
