/** What Slack's page for new apps is given, so that an owner need not look for each of these settings. */
export const SCOPES = [
  "app_mentions:read",
  "channels:history",
  "channels:read",
  "chat:write",
  "chat:write.customize",
  "commands",
  "files:read",
  "files:write",
  "groups:history",
  "groups:read",
  "im:history",
  "im:read",
  "mpim:history",
  "mpim:read",
  "reactions:read",
  "reactions:write",
  "users:read",
] as const;

const EVENTS = [
  "app_mention",
  "message.channels",
  "message.groups",
  "message.im",
  "message.mpim",
  "reaction_added",
  "reaction_removed",
] as const;

const listed = (items: readonly string[], indent: string) =>
  items.map((item) => `${indent}- ${item}`).join("\n");

export const APP_MANIFEST = `display_information:
  name: Bellhop
  description: A personal assistant
features:
  app_home:
    home_tab_enabled: false
    messages_tab_enabled: true
    messages_tab_read_only_enabled: false
  bot_user:
    display_name: bellhop
    always_online: true
  slash_commands:
    - command: /bellhop
      description: Commands of Bellhop
      usage_hint: stop, status, help
      should_escape: true
oauth_config:
  scopes:
    bot:
${listed(SCOPES, "      ")}
settings:
  event_subscriptions:
    bot_events:
${listed(EVENTS, "      ")}
  interactivity:
    is_enabled: true
  org_deploy_enabled: false
  socket_mode_enabled: true
  token_rotation_enabled: false
`;
