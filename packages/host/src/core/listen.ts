/** Opening a server, as one promise. */
import type { ListenOptions, Server } from "node:net";

/** Resolves once the server listens; rejects with what kept it from doing so. */
export function listening(server: Server, where: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(where, () => {
      server.off("error", reject);
      resolve();
    });
  });
}
