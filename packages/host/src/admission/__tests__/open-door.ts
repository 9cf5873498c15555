/** What admission needs beside its store, for tests in which everybody may speak and nobody is a stranger. */
import { EVERYONE, mayCall, type Speaking } from "../../core/sender-policy.ts";
import type { AdmissionParts } from "../admission.ts";
import { createHeldFiles } from "../held-inbound.ts";

export function openDoor(): Pick<
  AdmissionParts,
  "mayCall" | "onDenied" | "limits" | "senders" | "heldFiles" | "people" | "seen"
> {
  return {
    mayCall: (speaking: Speaking) => mayCall(EVERYONE, speaking),
    onDenied: () => undefined,
    limits: { perMinute: 1_000, perHour: 1_000, chatPerMinute: 1_000 },
    senders: {
      newCode: () => "ABCDEFG2",
      follow: () => undefined,
      knowsOwnerCode: async () => false,
    },
    heldFiles: createHeldFiles(),
    people: { of: () => undefined },
    seen: { saw: () => true, forget: () => undefined },
  };
}
