/** The `config.yaml` of a new home: it explains every setting and changes none. */

/** Without its first `#`, each setting here is the default; a test holds that. `# #` is an example. */
export const DEFAULT_CONFIG = `\
# Bellhop's settings. Everything here has a default, shown behind its "#"; take the "#" away to change
# it, then restart Bellhop. Secrets do not belong here but into the file .env beside this one:
#
#     ANTHROPIC_API_KEY=…           a key from the Anthropic console, or
#     CLAUDE_CODE_OAUTH_TOKEN=…     a token from "claude setup-token", or
#     ANTHROPIC_AUTH_TOKEN=…        with ANTHROPIC_BASE_URL=https://…, another provider
#
# Without any of them Bellhop answers with a rehearsal model that only plays the part.
# Secrets that agents may use without seeing them are another matter: bellhop secrets --help.

# The name the assistant answers to.
#assistant: Bellhop

# The time zone people here live in. The default is that of this machine.
# #timezone: Europe/Berlin

# The web chat. Only this machine can reach it. Port 0 takes any free one.
#http:
#  port: 7407
#  hosts: []           # further names it answers for, behind a reverse proxy

# What drives the agent: claude, or acp for any agent that speaks the Agent Client Protocol.
#engine: claude
#model: sonnet

# Ways to a model, beside the credential in .env (docs/models.md). What cannot be asked is passed over for the
# next in the order. A server that wants a credential has the name of its variable in .env: auth: MY_TOKEN
# #models:
# #  claudeLogin: true         # use and renew the login of the Claude program here, as the route claude
# #  routes:
# #    local: { url: "http://127.0.0.1:11434", models: { default: "qwen3:14b" } }
# #  order: [anthropic, local] # anthropic is the credential in .env

# #acp:
# #  command: [/opt/agent/agent, --stdio]
# #  mounts:
# #    - { source: /home/me/agent, target: /opt/agent }

# The locked room the agent works in.
#sandbox:
#  runtime: auto       # or docker, podman, apple-container, bubblewrap; bellhop doctor explains the choice
#  image: bellhop-agent:latest   # what containers are made from; bubblewrap needs none
#  # ociRuntime: runsc # another OCI runtime of the container engine
#  door: auto          # how a container reaches the host: socket, or exec where no socket can cross
#  chromiumSandbox: false   # whether a browser in a container may build a sandbox of its own
#  idleMinutes: 10     # how long it stays warm when nobody writes
#  backgroundMinutes: 30   # how long work that an agent left running may go on
#  cpus: 2
#  memoryMb: 4096
#  pids: 256
#  tmpMb: 512

#limits:
#  sandboxes: 5        # at most as many rooms at once
#  attempts: 3
#  drainSeconds: 60    # what turns get to end when Bellhop stops
#  parts: 8            # an answer that needs more messages than this becomes a file
#  fileMb: 64          # the largest file, in or out
#  mediaMb: 4096       # all files of a group together
#  taskIntervalSeconds: 60   # no scheduled task runs more often; 10 is the least
#  taskRuns: 200       # newest runs of each task that are kept, and for how long
#  taskDays: 90

# What may be spent on models: by the whole install, each group, each person who writes, each scheduled
# task; in US dollars and in tokens; in one turn, a calendar day, a month. "none" is no limit.
#budgets:
#  install:
#    turn: { usd: 10, tokens: 50000000 }
#    day: { usd: 50, tokens: 250000000 }
#    month: { usd: 500, tokens: 2500000000 }
#  # group: { day: { usd: 5 } }
#  # sender: { day: { usd: 2 } }
#  # task: { month: { usd: 20 } }

# What rooms may reach on the network beside the model (docs/egress.md). To a host that no rule names, mode
# says what happens: deny, ask (you are asked), open-get (public hosts may be read without asking).
#egress:
#  mode: ask
#  rules: []           # such as { host: "*.example.com", methods: [GET], path: /docs }
#  connections: 48     # of one room at once
#  requestsPerMinute: 1200
#  requestMb: 256      # the largest request, and the largest answer
#  responseMb: 4096
#  minutes: 120        # the longest connection

# What holds for every group, unless it says otherwise below.
#defaults:
#  trigger: auto       # auto (always in direct chats and main, else when called), always, called
#  bots: false         # whether other bots may call the assistant
#  queue: steer        # a message during an answer joins it (steer), waits (queue), or stops it (interrupt)
#  debounceSeconds: 0  # wait for more before answering
#  contextMessages: 50 # what was said since the last answer, given along when the assistant is called
#  contextTokens: 8000
#  startSeconds: 60    # how long a room may take to open
#  silenceMinutes: 10  # a turn without any sign of life ends after this
#  turnMinutes: 120    # no turn takes longer
#  # taskModel: haiku  # the model of scheduled tasks; without it, that of the chats
#  # taskEffort: low   # how hard it thinks in them: low, medium, high, xhigh, max

# Who on a platform is you, beside those who sent a code of "bellhop pair".
#owners: []            # such as telegram:12345

# How often the assistant may be called by anybody but you: by one sender, and in one chat. Who may call it
# at all: sender-allowlist.json in ~/.config/bellhop (docs/senders.md).
#senders:
#  perMinute: 30
#  perHour: 300
#  chatPerMinute: 60

# Catalogues of plugins that "bellhop plugins search" reads: index files and marketplaces, by address or path.
#plugins:
#  indexes: []

#notices: web:notices  # where you are told what went wrong

#log:
#  level: info         # debug, info, warn or error

# What one group has of its own. bellhop groups makes others, and changes these (docs/groups.md).
# #groups:
# #  family:
# #    assistant: Alfred
# #    timezone: Europe/Lisbon
# #    model: haiku
# #    routes: [local]           # its own order of the model routes
# #    taskRoutes: [local, anthropic]   # and for tasks that share no conversation
# #    trigger: called
# #    pattern: "hey alfred"     # beside @Alfred; RE2 syntax, any case
# #    chats: ["telegram:-100123"]
# #    admins: ["telegram:12345"]
# #    mounts:                   # folders of this machine; mount-allowlist.json has to permit them
# #      - { source: ~/recipes, mode: ro }
# #    budget: { day: { usd: 3 }, month: { usd: 40 } }
# #    sandbox: { cpus: 1, memoryMb: 2048, pids: 128 }
# #    egress: { mode: deny, rules: [{ host: api.example.com, write: true }] }
`;
