/** A door as the programs behind it know it: where it is, and what lies in its directory beside the socket. */
export const DOOR_URL = "http://127.0.0.1:8080";

export const DOOR_FILES = {
  /** The install's own authority. */
  authority: "ca.pem",
  /** The roots of the machine, and that authority. */
  roots: "ca-bundle.pem",
  /** Both of the above for Chromium, as a policy of the machine. */
  chromium: "chromium-policy.json",
} as const;
