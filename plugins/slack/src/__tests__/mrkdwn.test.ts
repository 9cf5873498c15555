import { describe, expect, it } from "vitest";
import { mentions, readable, withoutCall } from "../mrkdwn.ts";

const names = {
  user: async (id: string) => (id === "U1" ? "Ann" : id),
  channel: async (id: string) => (id === "C1" ? "kitchen" : undefined),
};

describe("a text of Slack's", () => {
  it.each([
    ["a person", "ask <@U1> or <@U1|ann>", "ask @Ann or @ann"],
    ["a person nobody knows", "<@U404>", "@U404"],
    ["a channel", "in <#C1>, <#C2|garden> or <#C3|>", "in #kitchen, #garden or #C3"],
    ["everybody", "<!here> <!channel> <!subteam^S1|@cooks> <!subteam^S2>", "@here @channel @cooks @subteam"],
    ["a time", "<!date^1392734382^{date}|18 February>", "18 February"],
    ["an address", "<https://x.y/a?b=c&amp;d=[e]>", "https://x.y/a?b=c&d=[e]"],
    ["an address by words", "<https://x.y|the list>", "the list (https://x.y)"],
    ["what Slack made an address of", "<http://x.y|x.y> <mailto:a@b.c|a@b.c>", "x.y a@b.c"],
    ["escaped signs, once", "&lt;b&gt; &amp;amp; a &lt;@U1&gt;", "<b> &amp; a <@U1>"],
    ["emoji", ":+1::skin-tone-3: :heart::flag-de: 12:30:45 :ours:", "👍🏼 ❤️🇩🇪 12:30:45 :ours:"],
    ["code as it is", "`:+1:` and ```\n:+1:\n``` :+1:", "`:+1:` and ```\n:+1:\n``` 👍"],
    ["stars and ticks as they are", "*a* _b_ ~c~ `d`", "*a* _b_ ~c~ `d`"],
  ])("is read with %s", async (_, given, read) => {
    expect(await readable(given, names)).toBe(read);
  });

  it.each([
    ["<@U1> please", true],
    ["please <@U1|bellhop>", true],
    ["<@U12> please", false],
    ["@bellhop", false],
  ])("names us where it does: %s", (text, does) => {
    expect(mentions(text, "U1")).toBe(does);
  });

  it.each([
    ["<@U1> /stop now\nplease", "/stop now\nplease"],
    ["<@U1>: /stop", "/stop"],
    ["<@U1> stop", "<@U1> stop"],
    ["<@U2> /stop", "<@U2> /stop"],
  ])("is a command where our name stands before one: %s", (given, text) => {
    expect(withoutCall(given, "U1")).toBe(text);
  });
});
