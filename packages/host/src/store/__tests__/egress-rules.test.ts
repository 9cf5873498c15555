import { describe, expect, it } from "vitest";
import { EgressRule } from "../../core/egress-rule.ts";
import { GroupFolder, MAIN, newId, SessionId, TurnId } from "../../core/ids.ts";
import { createAudit } from "../audit.ts";
import { createEgressRecord } from "../egress-record.ts";
import { openEgressRules } from "../egress-rules.ts";
import { house } from "./house.ts";

const FAMILY = GroupFolder.parse("family");
const rule = (host: string, more: Partial<EgressRule> = {}) => EgressRule.parse({ host, ...more });
const plainAudit = ({ db, clock }: Pick<Awaited<ReturnType<typeof house>>, "db" | "clock">) =>
  createAudit(db, { clock, redact: (text) => text });

describe("the rules of owners", () => {
  it("are for one group or for all, and outlive a restart as they were", async () => {
    const { db, clock } = await house();
    const rules = await openEgressRules(db, clock, plainAudit({ db, clock }));
    const all = { methods: ["GET"], path: "/a", port: 8443, write: true };
    await rules.add({ group: null, rule: rule("*.a.com", all), pin: null }, "the owner");
    await rules.add(
      { group: FAMILY, rule: rule("nas.home", { port: 5000 }), pin: "192.168.1.2" },
      "the owner",
    );

    const again = await openEgressRules(db, clock, plainAudit({ db, clock }));

    expect(again.list()).toEqual(rules.list());
    expect(again.of(MAIN)).toMatchObject([{ origin: "install", rule: { host: "*.a.com", ...all } }]);
    expect(again.of(FAMILY)).toMatchObject([
      { origin: "install" },
      { origin: "group", source: "allow 2", pin: "192.168.1.2" },
    ]);
  });

  it("are one where they are the same, and are gone once removed", async () => {
    const { db, clock } = await house();
    const rules = await openEgressRules(db, clock, plainAudit({ db, clock }));
    const one = await rules.add({ group: MAIN, rule: rule("a.com"), pin: null }, "the owner");

    expect(await rules.add({ group: MAIN, rule: rule("a.com"), pin: null }, "the owner")).toEqual(one);
    await rules.remove(one.id, "the owner");

    expect(rules.list()).toEqual([]);
    expect((await openEgressRules(db, clock, plainAudit({ db, clock }))).list()).toEqual([]);
    await expect(rules.remove(one.id, "the owner")).rejects.toThrow(/bellhop allow list/);
  });

  it("are not made for a group that is not there, and each that is made or removed is recorded", async () => {
    const { db, clock } = await house();
    const rules = await openEgressRules(db, clock, plainAudit({ db, clock }));

    const stranger = rules.add({ group: GroupFolder.parse("nobody"), rule: rule("a.com"), pin: null }, "x");
    await expect(stranger).rejects.toThrow(/There is no group nobody/);
    const { id } = await rules.add({ group: MAIN, rule: rule("a.com"), pin: null }, "the owner");
    await rules.remove(id, "the owner");

    expect(await db.selectFrom("audit").select(["action", "subject", "detail"]).execute()).toEqual([
      { action: "egress rule made", subject: `egress:${id}`, detail: "allow a.com" },
      { action: "egress rule removed", subject: `egress:${id}`, detail: "allow a.com" },
    ]);
  });
});

describe("the record of what goes out", () => {
  it("is there before it goes, and says afterwards how it ended", async () => {
    const { db, clock } = await house();
    const record = createEgressRecord(db, plainAudit({ db, clock }));
    const rows = () => db.selectFrom("audit").select(["action", "subject", "allowed", "detail"]).execute();
    const asked = { group: FAMILY, session: newId(SessionId), host: "a.com", port: 443, rule: "allow a.com" };

    const end = await record.begin({
      ...asked,
      turn: newId(TurnId),
      how: "request",
      method: "GET",
      path: "/x",
      secrets: ["TOKEN"],
    });
    const before = await rows();
    await end({ outcome: "200", sent: 0, received: 12 });
    await record.refused({ ...asked, method: "POST", path: "/y" }, "no");

    expect(before).toMatchObject([
      {
        action: "egress",
        subject: "host:a.com:443",
        allowed: 1,
        detail: expect.stringMatching(/GET \/x.*TOKEN/),
      },
    ]);
    expect((await rows()).slice(1)).toMatchObject([
      { action: "egress", detail: "request GET /x: 200; 0 bytes out, 12 in" },
      { action: "egress", allowed: 0, detail: "POST /y: no" },
    ]);
  });
});
