/**
 * How a chat looks in a terminal: people's messages behind a mark, the assistant's as plain text, the
 * host's own words dimmed behind a dash. Text of agents and people passes `plain` on its way.
 */
import { styleText } from "node:util";
import type { ChatEvent, DurableEvent, MessageEvent, TurnEvent } from "../core/events.ts";
import { fileInWords } from "./file-words.ts";
import { plain } from "./plain.ts";
import type { Screen } from "./screen.ts";
import { createStreamed } from "./streamed.ts";

export interface ChatView {
  /** What was said before. */
  past(events: readonly DurableEvent[]): void;
  /** One event as it happens; `own` are messages typed here, which stand on the screen already. */
  show(event: ChatEvent, own: (message: string) => boolean): void;
  /** A word of ours about the chat itself. */
  say(text: string): void;
}

export function createChatView(screen: Screen, stdout: NodeJS.WriteStream): ChatView {
  const dim = (text: string) => styleText("dim", text, { stream: stdout });
  const streamed = createStreamed();
  let tool: string | undefined;

  function say(text: string) {
    screen.endLine();
    screen.write(`${dim(`— ${plain(text)}`)}\n`);
  }

  function person({ sender, text, files = [] }: MessageEvent, known: boolean) {
    screen.endLine();
    const name = known ? "" : dim(`${plain(sender)} `);
    screen.write(`${name}› ${plain(text).replaceAll("\n", "\n… ")}\n`);
    for (const file of files) say(fileInWords(file));
  }

  function sentFile({ text, files = [] }: MessageEvent) {
    screen.endLine();
    if (text !== "") screen.write(`${plain(text)}\n`);
    for (const file of files) say(fileInWords(file));
  }

  function turnChanged({ state, reason }: TurnEvent) {
    tool = undefined;
    switch (state) {
      case "started":
        return;
      case "retrying":
        return say(reason ? `trying again: ${reason}` : "trying again");
      case "done":
        return;
      case "failed":
        return say(`failed: ${reason ?? "for no reason that is known"}`);
      case "cancelled":
        return say(reason ? `stopped: ${reason}` : "stopped");
      default:
        return state satisfies never;
    }
  }

  function message(event: MessageEvent, own: (message: string) => boolean) {
    switch (event.kind) {
      case "file":
        return sentFile(event);
      case "text":
        if (event.direction === "out") screen.write(streamed.message(plain(event.text)));
        else if (!own(event.message)) person(event, false);
        return;
      case "command":
        if (!own(event.message)) person(event, false);
        return;
      case "note":
        if (!own(event.message)) person(event, false);
        return say(event.reason ?? "no answer will come");
      case "notice":
        return say(event.text);
      case "reaction":
        return say(event.text === "" ? "took the reaction away" : `reacted with ${event.text}`);
      default:
        return event.kind satisfies never;
    }
  }

  return {
    past(events) {
      for (const event of events) {
        if (event.type === "turn") continue;
        if (event.direction === "in") person(event, true);
        else if (event.kind === "notice") say(event.text);
        else if (event.kind === "file") sentFile(event);
        else if (event.kind === "text") screen.write(`${plain(event.text)}\n`);
      }
    },
    show(event, own) {
      switch (event.type) {
        case "delta":
          return screen.write(streamed.delta({ text: plain(event.text), reset: event.reset }));
        case "activity":
          if (event.tool !== undefined && event.tool !== tool) say(`using ${event.tool}`);
          tool = event.tool;
          return;
        case "turn":
          // Of a turn that is done, the messages may still be on their way to take up what was streamed.
          if (event.state !== "done" || event.replies.length === 0) screen.write(streamed.end());
          return turnChanged(event);
        case "message":
          return message(event, own);
        default:
          return event satisfies never;
      }
    },
    say,
  };
}
