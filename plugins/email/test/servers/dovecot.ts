/**
 * A real Dovecot for tests: IMAP and LMTP on the loopback, with a folder of its own that goes with it, and a mailbox for
 * every name. With BELLHOP_CI=1 a machine without it is a failure, elsewhere its tests are skipped and say so.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import SMTPConnection from "nodemailer/lib/smtp-connection";
import { z } from "zod";

/** Of every mailbox. */
export const PASSWORD = "correct-horse";

export interface Dovecot {
  readonly imapPort: number;
  /** As its mail server hands it over. Resolves once it is in the mailbox. */
  deliver(user: string, mail: string | Buffer): Promise<void>;
  /** Numbers all mails of a mailbox anew; only of maildir. */
  renumber(user: string): void;
  close(): Promise<void>;
}

/** Why there is none on this machine; undefined where there is. */
export function withoutDovecot(): string | undefined {
  const parts = ["/usr/sbin/dovecot", "/usr/lib/dovecot/imap", "/usr/lib/dovecot/lmtp"];
  if (parts.every((path) => existsSync(path))) return undefined;
  const why = "Dovecot is missing: install dovecot-imapd and dovecot-lmtpd";
  if (process.env["BELLHOP_CI"] === "1") throw new Error(why);
  return why;
}

/**
 * @param format sdbox numbers mails in the order in which they came. Maildir may swap two that came while its folder was
 * read, and can be numbered anew.
 * @param introspectionUrl asked about tokens (RFC 7662); without it no tokens are taken
 */
export async function openDovecot(
  format: "sdbox" | "maildir" = "sdbox",
  introspectionUrl?: string,
): Promise<Dovecot> {
  const place = await mkdtemp(join(tmpdir(), "bellhop-dovecot-"));
  const me = userInfo();
  const owner = me.uid === 0 ? { uid: 65_534, gid: 65_534 } : { uid: me.uid, gid: me.gid }; // Dovecot refuses to be root in a mailbox
  const [imapPort, lmtpPort] = [await freePort(), await freePort()];
  const [mail, config] = [join(place, "mail"), join(place, "dovecot.conf")];
  mkdirSync(mail);
  chmodSync(place, 0o755);
  chownSync(mail, owner.uid, owner.gid);
  const internal =
    me.uid === 0
      ? ""
      : `default_internal_user = ${me.username}\ndefault_login_user = ${me.username}\ndefault_internal_group = ${me.gid}\nservice anvil {\n chroot =\n}\nservice imap-login {\n chroot =\n}\nservice stats {\n chroot =\n}\n`;
  const oauth2 = join(place, "oauth2.conf");
  writeFileSync(
    oauth2,
    `introspection_url = ${introspectionUrl}
introspection_mode = post
username_attribute = username
active_attribute = active
active_value = true
`,
  );
  writeFileSync(
    config,
    `${internal}base_dir = ${join(place, "run")}
state_dir = ${join(place, "state")}
log_path = ${join(place, "log")}
protocols = imap lmtp
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
auth_failure_delay = 0
mail_location = ${format}:${mail}/%u
mail_max_userip_connections = 200
first_valid_uid = 1
auth_mechanisms = plain${introspectionUrl === undefined ? "" : " xoauth2"}
passdb {
  driver = static
  mechanisms = plain
  args = password=${PASSWORD}
}
${
  introspectionUrl === undefined
    ? ""
    : `passdb {
  driver = oauth2
  mechanisms = xoauth2
  args = ${oauth2}
}`
}
userdb {
  driver = static
  args = uid=${owner.uid} gid=${owner.gid} home=${mail}/%u allow_all_users=yes
}
service imap-login {
  service_count = 0
  inet_listener imap {
    port = ${imapPort}
  }
  inet_listener imaps {
    port = 0
  }
}
service lmtp {
  inet_listener lmtp {
    port = ${lmtpPort}
  }
}
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
`,
  );
  const child = spawn("/usr/sbin/dovecot", ["-F", "-c", config], {
    stdio: "ignore",
  });
  const ended = once(child, "exit");
  const log = () => readFileSync(join(place, "log"), "utf8");

  async function lmtp(
    use: (connection: SMTPConnection, done: (error: Error | null) => void) => void,
  ): Promise<void> {
    const connection = new SMTPConnection({
      host: "127.0.0.1",
      port: lmtpPort,
      lmtp: true,
      ignoreTLS: true,
      logger: false,
    });
    const end = Promise.withResolvers<void>();
    connection.on("error", end.reject);
    connection.connect(() => use(connection, (error) => (error ? end.reject(error) : end.resolve())));
    try {
      await end.promise;
    } finally {
      connection.close();
    }
  }

  async function isUp(): Promise<void> {
    for (let tries = 0; tries < 200; tries += 1) {
      if (child.exitCode !== null) throw new Error(`Dovecot ended: ${log()}`);
      const up = await lmtp((_, done) => done(null)).then(
        () => true,
        () => false,
      );
      if (up) return;
      await new Promise((resolve) => {
        setTimeout(resolve, 50); // it tells nobody when it is ready
      });
    }
    throw new Error(`Dovecot does not answer: ${log()}`);
  }

  async function close(): Promise<void> {
    child.kill("SIGTERM");
    await ended;
    await rm(place, { recursive: true, force: true, maxRetries: 5 });
  }

  try {
    await isUp();
  } catch (error) {
    await close();
    throw error;
  }

  return {
    imapPort,
    async deliver(user, content) {
      for (let tries = 1; ; tries += 1) {
        try {
          return await lmtp((connection, done) =>
            connection.send({ from: "sender@people.example", to: [user] }, content, done),
          );
        } catch (error) {
          if (tries === TRIES || !NotNow.safeParse(error).success) throw error;
          await pause(AGAIN_MS);
        }
      }
    },
    renumber(user) {
      const list = join(mail, user, "dovecot-uidlist");
      const before = readFileSync(list, "utf8");
      const { uid, gid } = statSync(list);
      writeFileSync(list, before.replace(/^3 V\d+/, `3 V${Math.floor(Date.now() / 1_000) + 1_000}`));
      chownSync(list, uid, gid);
      for (const name of ["dovecot.index.log", "dovecot.index", "dovecot.index.cache"])
        spawnSync("rm", ["-f", join(mail, user, name)]);
    },
    close,
  };
}

/** Nothing was taken, and it may be the next time: every server brings its mails again then. */
const NotNow = z.union([
  z.looseObject({ responseCode: z.int().min(400).max(499) }),
  z.looseObject({ command: z.literal("CONN") }),
]);
const TRIES = 5;
const AGAIN_MS = 100;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo; // it listens on TCP
  server.close();
  await once(server, "close");
  return port;
}
