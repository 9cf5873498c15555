/** Accounts on platforms, and connecting them. */
import { NumberedStep } from "../../core/connect.ts";
import { Problem } from "../problem.ts";
import {
  Accepted,
  BegunAttempt,
  ChannelList,
  ConnectAnswer,
  Disconnected,
  DisconnectRequest,
} from "../schemas.ts";
import { text, type Operation } from "./operation.ts";

const name = { name: "name", in: "path", required: true, description: "Of the plugin.", schema: text };
const attempt = { name: "attempt", in: "path", required: true, description: "As begun.", schema: text };
const OVER = { description: "That attempt is over, or asks something else by now.", schema: Problem };

export const CHANNELS: readonly Operation[] = [
  {
    method: "get",
    path: "/api/v1/channels",
    summary: "How it stands with each account on a platform",
    description: "And which plugins connect accounts. A login to the web chat is enough, here and below.",
    access: "admin",
    answers: { 200: { description: "The truth of this moment.", schema: ChannelList } },
  },
  {
    method: "post",
    path: "/api/v1/channels/{name}/connect",
    summary: "Begin to connect an account",
    description: "An attempt of this plugin that is under way ends.",
    access: "admin",
    parameters: [name],
    answers: {
      201: { description: "Begun.", schema: BegunAttempt },
      409: { description: "No plugin of that name connects accounts.", schema: Problem },
    },
  },
  {
    method: "post",
    path: "/api/v1/channels/{name}/disconnect",
    summary: "Disconnect an account",
    description: "What was kept of it is taken out of .env, and its plugin is without it from then on.",
    access: "admin",
    parameters: [name],
    body: DisconnectRequest,
    answers: {
      200: { description: "Forgotten.", schema: Disconnected },
      409: { description: "Nothing of it is kept.", schema: Problem },
    },
  },
  {
    method: "get",
    path: "/api/v1/channels/{name}/connect/{attempt}",
    summary: "What is shown, or asked, next",
    description:
      "With `after` it answers once there is a later step, or after 20 seconds with the one that still is.",
    access: "admin",
    parameters: [
      name,
      attempt,
      {
        name: "after",
        in: "query",
        description: "Number of the step that was seen.",
        schema: { type: "integer" },
      },
    ],
    answers: { 200: { description: "The step.", schema: NumberedStep }, 409: OVER },
  },
  {
    method: "post",
    path: "/api/v1/channels/{name}/connect/{attempt}/answer",
    summary: "Answer what is asked",
    access: "admin",
    parameters: [name, attempt],
    body: ConnectAnswer,
    answers: { 200: { description: "The plugin has it.", schema: Accepted }, 409: OVER },
  },
  {
    method: "delete",
    path: "/api/v1/channels/{name}/connect/{attempt}",
    summary: "Give up connecting",
    access: "admin",
    parameters: [name, attempt],
    answers: { 200: { description: "The plugin is told.", schema: Accepted }, 409: OVER },
  },
];
