/**
 * TLS of a sandbox that ends here, with a certificate of the install's own authority. What is inside is HTTP/1.1
 * or HTTP/2, as both sides like.
 */
import { createSecureServer } from "node:http2";
import type { Duplex } from "node:stream";
import { type SecureContext, TLSSocket } from "node:tls";
import type { Clock } from "../../core/clock.ts";

/**
 * Gives the decrypted connection to `serve`, at once: what comes first must find somebody who reads it. Where the
 * other side does not like our certificate, or leaves, there is nothing to serve.
 */
export function intercept(
  socket: Duplex,
  secureContext: SecureContext,
  { clock, ms }: { readonly clock: Clock; readonly ms: number },
  serve: (inside: TLSSocket) => void,
): void {
  const secure = new TLSSocket(socket, {
    isServer: true,
    secureContext,
    ALPNProtocols: ["h2", "http/1.1"],
  });
  const cancel = clock.after(ms, () => secure.destroy());
  secure.on("error", () => secure.destroy());
  secure.once("close", () => {
    cancel();
    socket.destroy();
  });
  secure.once("secure", () => {
    cancel();
    // Only a server of Node's own says so by itself, and HTTP/2 waits for it.
    Object.assign(secure, { secureConnecting: false });
    serve(secure);
  });
}

/** Serves what is inside; for one connection, given to it as `secureConnection`. */
export const insideServer = () => createSecureServer({ allowHTTP1: true });
