/**
 * Server-sent events, from pieces of text to whole events. Comments (the heartbeat) and fields that we
 * do not use are left out; an event that the end cut off is dropped, as the specification says.
 */

export interface ServerSentEvent {
  readonly data: string;
  readonly id: string | undefined;
}

export async function* readServerSentEvents(pieces: AsyncIterable<string>): AsyncGenerator<ServerSentEvent> {
  let rest = "";
  let data: string[] = [];
  let id: string | undefined;
  for await (const piece of pieces) {
    const lines = (rest + piece).split("\n");
    rest = lines.pop() ?? "";
    for (const raw of lines) {
      const line = raw.endsWith("\r") ? raw.slice(0, -1) : raw;
      if (line === "") {
        if (data.length > 0) yield { data: data.join("\n"), id };
        data = [];
        id = undefined;
        continue;
      }
      const colon = line.indexOf(":");
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
      if (field === "data") data.push(value);
      else if (field === "id") id = value;
    }
  }
}
