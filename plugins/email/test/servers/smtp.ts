/** A real SMTP server for tests: takes mails of accounts it knows, and can refuse at each step. */
import { createFaults, type Faults } from "@bellhop/sdk/testing";
import { simpleParser, type ParsedMail } from "mailparser";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { SMTPServer } from "smtp-server";

export interface Taken {
  readonly user: string;
  readonly from: string;
  readonly to: readonly string[];
  readonly raw: Buffer;
  readonly mail: ParsedMail;
}

export interface TestSmtp {
  readonly port: number;
  readonly faults: Faults;
  /** Who may send, and with which password. */
  readonly accounts: Map<string, string>;
  /** Is told of every mail, once it is taken. */
  readonly takers: Set<(taken: Taken) => void>;
  close(): Promise<void>;
}

/** @param isGood whether that is a token of theirs; without it no tokens are taken */
export async function openSmtp(isGood?: (user: string, accessToken: string) => boolean): Promise<TestSmtp> {
  const faults = createFaults();
  const accounts = new Map<string, string>();
  const takers = new Set<(taken: Taken) => void>();
  const server = new SMTPServer({
    disabledCommands: ["STARTTLS"],
    allowInsecureAuth: true,
    logger: false,
    authMethods: ["PLAIN", "LOGIN", ...(isGood ? ["XOAUTH2"] : [])],
    onAuth({ username = "", password, accessToken }, _, done) {
      if (accessToken !== undefined)
        // As the mechanism has it: why, and then 535 for the answer to that.
        return isGood?.(username, accessToken)
          ? done(null, { user: username })
          : done(null, { data: { status: "401", schemes: "bearer", scope: "mail" } });
      const known = accounts.get(username) === password && !faults.next("send", ["unauthorised"]);
      done(
        known ? null : refusal(535, "5.7.8 Authentication failed"),
        known ? { user: username } : undefined,
      );
    },
    onRcptTo(_, __, done) {
      const fault = faults.next("send", ["refuse", "slow down"]);
      if (fault?.how === "refuse") return done(refusal(550, "5.1.1 No such person here"));
      if (fault?.how === "slow down") return done(refusal(450, "4.2.0 Greylisted, try again later"));
      return done();
    },
    onData(stream, { user, envelope }, done) {
      void (async () => {
        try {
          const raw = await buffer(stream);
          const from = envelope.mailFrom === false ? "" : envelope.mailFrom.address;
          const to = envelope.rcptTo.map(({ address }) => address);
          const mail = await simpleParser(raw);
          for (const take of takers) take({ user: String(user), from, to, raw, mail });
          done();
        } catch (error) {
          done(error instanceof Error ? error : new Error(String(error)));
        }
      })();
    },
  });
  server.on("error", () => undefined); // connections that tests cut
  const { server: tcp } = server;
  server.listen(0, "127.0.0.1");
  await once(tcp, "listening");
  return {
    port: (tcp.address() as AddressInfo).port, // it listens on TCP
    faults,
    accounts,
    takers,
    close: async () =>
      await new Promise<void>((resolve) => {
        server.close(resolve);
      }),
  };
}

function refusal(responseCode: number, message: string): Error {
  return Object.assign(new Error(message), { responseCode });
}
