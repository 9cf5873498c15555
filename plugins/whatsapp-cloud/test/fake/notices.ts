/** What Meta posts, as it posts it: notifications, signed with the app's secret. */
import type { RouteRequest } from "@bellhop/sdk";
import { createHmac } from "node:crypto";
import { NUMBER } from "./graph-api.ts";
import type { FakePerson } from "./world.ts";

/** Meta's reference of webhooks has the fields of each kind of message. */
export interface NoticeParts {
  readonly messages?: readonly unknown[];
  readonly statuses?: readonly unknown[];
  readonly contacts?: readonly unknown[];
  readonly phoneNumberId?: string;
}

export function notice({ phoneNumberId = NUMBER.phoneNumberId, ...parts }: NoticeParts): object {
  const metadata = {
    display_phone_number: NUMBER.display.replace(/\D/g, ""),
    phone_number_id: phoneNumberId,
  };
  const value = { messaging_product: "whatsapp", metadata, ...parts };
  return {
    object: "whatsapp_business_account",
    entry: [{ id: "102290129340398", changes: [{ field: "messages", value }] }],
  };
}

export function contactOf({ person, userId, hidesNumber }: FakePerson): object {
  return {
    profile: { name: person.name },
    user_id: userId,
    ...(hidesNumber ? {} : { wa_id: person.id }),
  };
}

export function senderOf({ person, userId, hidesNumber }: FakePerson): object {
  return { from_user_id: userId, ...(hidesNumber ? {} : { from: person.id }) };
}

export function posted(
  body: object | string,
  { path = "/default", secret = NUMBER.appSecret } = {},
): RouteRequest {
  const bytes = Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
  return {
    method: "POST",
    path,
    query: {},
    headers: {
      "content-type": "application/json",
      "x-hub-signature-256": `sha256=${createHmac("sha256", secret).update(bytes).digest("hex")}`,
    },
    body: bytes,
    remote: "127.0.0.1",
  };
}

/** To a host that may not be there yet, or no more: as Meta sees it, 503. */
export async function postTo(hostUrl: string, { headers, body }: RouteRequest): Promise<{ status: number }> {
  const address = `${hostUrl}/plugins/whatsapp-cloud/default`;
  try {
    const response = await fetch(address, { method: "POST", headers, body: Buffer.from(body) });
    await response.body?.cancel();
    return { status: response.status };
  } catch {
    return { status: 503 };
  }
}
