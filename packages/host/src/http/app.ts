/**
 * The one Hono app behind both listeners. What every request passes, in this order: headers for
 * browsers, the Host, the Origin, who asks, and proof that a cookie's change came from our page.
 */
import { Hono } from "hono";
import type { Log } from "../log.ts";
import type { KnownSecrets } from "../core/known-secrets.ts";
import type { Status } from "../core/status.ts";
import { loadAssets } from "./assets.ts";
import { createEventStreams } from "./event-stream.ts";
import { createHostCheck, csrfCheck, originCheck, securityHeaders } from "./guard.ts";
import { createIdentify, type HttpEnv } from "./identity.ts";
import type {
  HttpBudgets,
  HttpChannels,
  HttpDead,
  HttpSenders,
  HttpStopSwitch,
  HttpTasks,
  HttpTrust,
  HttpVault,
} from "./host.ts";
import { createLogins } from "./logins.ts";
import { hideSecrets } from "./hide.ts";
import { openApiDocument } from "./openapi.ts";
import { renderProblemPage } from "./pages/login.ts";
import { createErrorHandler, ProblemError, statusOf } from "./problem.ts";
import { createChatRegistryRoutes } from "./routes/chat-registry.ts";
import { createChannelRoutes } from "./routes/channels.ts";
import { createChatRoutes, type ChatRoutesDeps } from "./routes/chats.ts";
import { createDeadRoutes } from "./routes/dead.ts";
import { createEgressRoutes, type EgressRoutesDeps } from "./routes/egress.ts";
import { createEventRoutes, type EventRoutesDeps } from "./routes/events.ts";
import { createFileRoutes, type FileRoutesDeps } from "./routes/files.ts";
import { createGroupRoutes, type GroupRoutesDeps } from "./routes/groups.ts";
import { createHostRoutes } from "./routes/host.ts";
import { createPluginRoutes, type PluginRoutesDeps } from "./routes/plugins.ts";
import { createSecretRoutes } from "./routes/secrets.ts";
import { createSenderRoutes } from "./routes/senders.ts";
import { createTaskRoutes } from "./routes/tasks.ts";
import { createTrustRoutes } from "./routes/trust.ts";
import { createTokenRoutes } from "./routes/tokens.ts";
import { createUsageRoutes } from "./routes/usage.ts";
import { createConnectPages } from "./routes/connect-pages.ts";
import { createWebRoutes } from "./routes/web.ts";
import type { Tokens } from "../store/tokens.ts";

export interface AppDeps
  extends
    ChatRoutesDeps,
    EgressRoutesDeps,
    FileRoutesDeps,
    GroupRoutesDeps,
    PluginRoutesDeps,
    Omit<EventRoutesDeps, "streams"> {
  readonly http: {
    readonly host: string;
    /** Further names that the TCP listener answers for. */
    readonly hosts?: readonly string[] | undefined;
  };
  /** The assistant's name, for people. */
  readonly assistant: string;
  readonly version: string;
  readonly tokens: Tokens;
  readonly status: () => Promise<Status>;
  readonly stopSwitch: HttpStopSwitch;
  readonly dead: HttpDead;
  readonly tasks: HttpTasks;
  readonly vault: HttpVault;
  readonly trust: HttpTrust;
  readonly senders: HttpSenders;
  readonly channels: HttpChannels;
  readonly budgets: HttpBudgets;
  /** Begins the drain; returns at once. */
  readonly shutdown: () => void;
  readonly secrets: KnownSecrets;
  readonly log: Log;
  /** Address of the web chat, known once the host listens. */
  readonly url: () => string;
}

export function createApp(deps: AppDeps) {
  const { http, tokens, clock, log, secrets, version } = deps;
  const assets = loadAssets();
  const streams = createEventStreams(clock, secrets, log);
  const logins = createLogins(deps);
  const asJson = createErrorHandler(log);

  const app = new Hono<HttpEnv>();
  app.use(securityHeaders);
  app.use(hideSecrets(secrets));
  app.use(createHostCheck(http.host, http.hosts ?? []));
  app.use(originCheck);
  app.get("/healthz", (c) => c.text("ok"));
  // Before anybody is asked who they are: what plugins answer, they answer to whom they like.
  app.route("/plugins", createPluginRoutes(deps));
  app.use(createIdentify(tokens, clock));
  app.use(csrfCheck);

  app.get("/api/v1/openapi.json", (c) => c.json(openApiDocument(version)));
  app.route("/api/v1", createHostRoutes(deps));
  app.route("/api/v1", createDeadRoutes(deps));
  app.route("/api/v1", createTaskRoutes(deps));
  app.route("/api/v1", createSecretRoutes(deps));
  app.route("/api/v1", createTrustRoutes(deps));
  app.route("/api/v1", createSenderRoutes(deps));
  app.route("/api/v1", createChannelRoutes(deps));
  app.route("/api/v1", createUsageRoutes(deps));
  app.route("/api/v1", createChatRoutes(deps));
  app.route("/api/v1", createChatRegistryRoutes(deps));
  app.route("/api/v1", createGroupRoutes(deps));
  app.route("/api/v1", createFileRoutes(deps));
  app.route("/api/v1", createEgressRoutes(deps));
  app.route("/api/v1", createEventRoutes({ ...deps, streams }));
  app.route("/api/v1", createTokenRoutes({ tokens, logins, streams }));
  app.route("/", createConnectPages({ ...deps, assets }));
  app.route("/", createWebRoutes({ ...deps, assets, streams, logins }));

  app.notFound((c) => {
    const message = `There is nothing at ${c.req.method} ${c.req.path}; GET /api/v1/openapi.json says what there is.`;
    throw new ProblemError("not_found", message);
  });
  app.onError(async (error, c) => {
    const isPage = c.req.method === "GET" && !c.req.path.startsWith("/api/");
    if (!isPage || !c.req.header("accept")?.includes("text/html")) return await asJson(error, c);
    const message =
      error instanceof ProblemError ? error.message : "Bellhop failed at this; its log says why.";
    return c.html(renderProblemPage({ assets, message }), statusOf(error));
  });

  return {
    fetch: app.fetch,
    request: app.request,
    routes: app.routes,
    logins,
    closeStreams: () => streams.close(),
  };
}
