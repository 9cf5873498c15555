/**
 * WhatsApp as a linked device: the plugin's own fake of WhatsApp's server. No other server can stand in for that one
 * (plugins/whatsapp/test/baileys.test.ts), so the fake takes the place of Baileys' connection, in the plugin's process.
 *
 * What a message costs is measured so: everything of the plugin's, and of Baileys what makes, reads and writes messages,
 * but no encryption. What the process takes is measured with nothing of this in it, and with Baileys itself, connected
 * to a server that says nothing. What Baileys takes for conversations comes on top of that.
 */
import type { PeerPerson } from "@bellhop/sdk/testing";
import {
  type Control,
  openControl,
  openSilence,
  writeTestPlugin,
} from "../../plugins/whatsapp/test/fake/driver.ts";
import { link } from "../../plugins/whatsapp/test/fake/peer.ts";
import type { BenchChat, BenchPlatform } from "./platform.ts";

const LINKED = { settings: {}, variables: { WHATSAPP_LINKED_AT: "2026-11-22T12:00:00.000Z" } };

export const whatsapp: BenchPlatform = {
  name: "whatsapp",
  everyMs: 0, // the fake's plugin has no rate for a chat
  mostIdleMiB: 90, // docs/decisions/whatsapp-is-optional.md

  async open(people) {
    let control: Control | undefined;
    const opened = () => {
      if (!control) throw new Error("the plugin is not made yet");
      return control;
    };
    return {
      ...LINKED,
      async makePlugin(to, kept) {
        await writeTestPlugin(to, "plugin.ts");
        control = await openControl(kept);
        await link(kept);
      },
      chats: people.map((person) => chatOf(person, opened)),
      changed: () => opened().changes.changed(),
      [Symbol.asyncDispose]: async () => control?.close(),
    };
  },

  async openBare() {
    let silence: Awaited<ReturnType<typeof openSilence>> | undefined;
    return {
      ...LINKED,
      async makePlugin(to, kept) {
        await writeTestPlugin(to, "silent.ts");
        silence = await openSilence(kept);
        await link(kept);
      },
      isAtWork: () => silence?.connections() === 1,
      [Symbol.asyncDispose]: async () => silence?.close(),
    };
  },
};

function chatOf(person: PeerPerson, control: () => Control): BenchChat {
  return {
    sender: person.id,
    chat: person.id,
    async says(text) {
      control().does({ do: "says", person: { id: person.id, name: person.name }, text });
    },
    shown() {
      const messages = control().standing()?.chats.get(person.id)?.values() ?? [];
      return [...messages].flatMap(({ from, text }) => (from === "us" ? text : []));
    },
  };
}
