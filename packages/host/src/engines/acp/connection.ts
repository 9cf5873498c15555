/**
 * Our side of the Agent Client Protocol (v1) with one guarded program. We offer the agent nothing but
 * our ears: no files and no terminals of the host's (it has its own, inside), and every permission it
 * asks for is given, because the sandbox is the wall.
 */
import { Readable } from "node:stream";
import { client, ndJsonStream, type ClientConnection, type PermissionOption } from "@agentclientprotocol/sdk";
import type { GuardedProcess } from "../guarded-process.ts";

/** `onUpdate` gets the unparsed params of each `session/update`, in order. */
export function connect(program: GuardedProcess, onUpdate: (params: unknown) => void): ClientConnection {
  const input = new WritableStream<Uint8Array>({
    write(chunk) {
      program.stdin.write(chunk); // what a program does not read is bounded by its guard
    },
  });
  const { readable, writable } = ndJsonStream(
    input,
    Readable.toWeb(program.stdout) as ReadableStream<Uint8Array>, // node's own name for the same type
  );

  const asked = new Set<unknown>();
  const sent = writable.getWriter();
  return client({ name: "bellhop" })
    .onRequest("session/request_permission", ({ params }) => {
      const option = params.options.find(isAllowing);
      return option
        ? { outcome: { outcome: "selected", optionId: option.optionId } }
        : { outcome: { outcome: "cancelled" } };
    })
    .connect({
      writable: new WritableStream({
        write(message) {
          if ("method" in message && "id" in message) asked.add(message.id);
          return sent.write(message);
        },
      }),
      // The SDK prints on our stderr what it cannot place, so it gets nothing else: requests, and
      // answers to its own.
      readable: readable.pipeThrough(
        new TransformStream({
          transform(message, controller) {
            if ("method" in message && !("id" in message)) {
              if (message.method === "session/update") onUpdate(message.params);
            } else if ("method" in message || asked.delete(message.id)) controller.enqueue(message);
            else program.breach("an answer to a question nobody asked");
          },
        }),
      ),
    });
}

function isAllowing({ kind }: PermissionOption): boolean {
  return kind === "allow_once" || kind === "allow_always";
}
