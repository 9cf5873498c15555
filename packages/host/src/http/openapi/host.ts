/** The host itself: how it does, stopping it, what was given up, what was used. */
import { BudgetState } from "../../core/budget.ts";
import { OpenedDeadLetter } from "../../core/dead.ts";
import { Status } from "../../core/status.ts";
import { BudgetLift, UsageBy, UsageReport } from "../../core/usage.ts";
import { Problem } from "../problem.ts";
import { Accepted, DeadLetterPage, DeadRetry, Halted, NewPause, Resumed } from "../schemas.ts";
import { text, limit, deadLetter, type Operation } from "./operation.ts";

export const HOST: readonly Operation[] = [
  {
    method: "get",
    path: "/healthz",
    summary: "Whether the server answers",
    access: "none",
    answers: { 200: { description: "`ok`", type: "text/plain" } },
  },
  {
    method: "get",
    path: "/api/v1/openapi.json",
    summary: "This document",
    access: "none",
    answers: { 200: { description: "OpenAPI 3.1", type: "application/json" } },
  },
  {
    method: "get",
    path: "/api/v1/status",
    summary: "What the host does just now",
    access: "read",
    answers: { 200: { description: "The status.", schema: Status } },
  },
  {
    method: "post",
    path: "/api/v1/shutdown",
    summary: "Drain and exit",
    description: "Nothing new starts; live turns finish, then the host exits.",
    access: "admin",
    answers: { 202: { description: "The drain has begun.", schema: Accepted } },
  },
  {
    method: "post",
    path: "/api/v1/host/pause",
    summary: "The emergency stop",
    description:
      "Kills every sandbox, sends nothing more, starts nothing more, until it is resumed; a restart does not end it. " +
      "What people write is still accepted.",
    access: "admin",
    body: NewPause,
    answers: { 200: { description: "Every sandbox is gone.", schema: Halted } },
  },
  {
    method: "post",
    path: "/api/v1/host/resume",
    summary: "End the emergency stop",
    access: "admin",
    answers: { 200: { description: "It goes on with what waits.", schema: Resumed } },
  },
  {
    method: "get",
    path: "/api/v1/dead",
    summary: "What was given up",
    description:
      "Turns that failed for good and messages that could not be delivered, until they are tried again or dropped.",
    access: "admin",
    parameters: [
      {
        name: "before",
        in: "query",
        description: "Only those that stand after this one in the list.",
        schema: text,
      },
      limit,
    ],
    answers: { 200: { description: "Newest first.", schema: DeadLetterPage } },
  },
  {
    method: "get",
    path: "/api/v1/dead/{id}",
    summary: "One of them, whole",
    access: "admin",
    parameters: [deadLetter],
    answers: {
      200: { description: "With what was asked, or was to be said.", schema: OpenedDeadLetter },
      404: { description: "No such one.", schema: Problem },
    },
  },
  {
    method: "post",
    path: "/api/v1/dead/{id}/retry",
    summary: "Try it again",
    description: "A turn is answered anew, as a new turn; a message is sent anew.",
    access: "admin",
    parameters: [deadLetter],
    body: DeadRetry,
    answers: {
      200: { description: "It is tried again.", schema: Accepted },
      404: { description: "No such one.", schema: Problem },
      409: { description: "It cannot be tried again, or not without `force`.", schema: Problem },
    },
  },
  {
    method: "delete",
    path: "/api/v1/dead/{id}",
    summary: "Drop it",
    description: "Nothing is deleted; it is spoken of no more.",
    access: "admin",
    parameters: [deadLetter],
    answers: {
      200: { description: "It is dropped.", schema: Accepted },
      404: { description: "No such one.", schema: Problem },
    },
  },
  {
    method: "get",
    path: "/api/v1/usage",
    summary: "What was used of models, and how the budgets stand",
    description: "See docs/budgets.md.",
    access: "read",
    parameters: [
      {
        name: "by",
        in: "query",
        description: "What each row is for.",
        schema: { type: "string", enum: UsageBy.options, default: "day" },
      },
      {
        name: "since",
        in: "query",
        description: "A day such as `2026-11-01`, or a number of days such as `7d`; without it, this month.",
        schema: text,
      },
    ],
    answers: { 200: { description: "Sums, and budgets.", schema: UsageReport } },
  },
  {
    method: "post",
    path: "/api/v1/usage/lift",
    summary: "Another limit for a budget, until its day or month ends",
    description: "Without `usd` and `tokens`: twice what is configured. It is recorded in the audit.",
    access: "admin",
    body: BudgetLift,
    answers: {
      200: { description: "How the budget stands now.", schema: BudgetState },
      409: { description: "It has no limit, or there is no such task.", schema: Problem },
    },
  },
];
