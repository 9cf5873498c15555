/** What came of trying a secret. Nothing in it tells of its value. */
import { z } from "zod";
import { GroupFolder } from "./ids.ts";

export const SecretTrial = z.object({
  name: z.string(),
  group: GroupFolder,
  from: z.string().describe("Where its value is kept, in words."),
  bound: z.array(z.string()).describe("Where it may go, in words."),
  problem: z.string().nullable().describe("What keeps the value from being had; null where it is there."),
  status: z.int().nullable().describe("HTTP status of the one request; null where none was made."),
});
export type SecretTrial = z.infer<typeof SecretTrial>;
