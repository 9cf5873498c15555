/** A strict fake of a service that speaks OpenAI's API for transcriptions: what it "hears" is the text in the file. */
import { type FakeAnswer, type FakeRequest, type FakeServer, openFakeServer } from "@bellhop/sdk/testing";
import { extname } from "node:path";

export interface FakeService {
  readonly server: FakeServer;
  /** What it was asked for, beside the file. */
  readonly asked: Readonly<Record<string, string>>[];
}

const KEY = "sk-a-key-of-the-service";
const ENDINGS = new Set([".flac", ".m4a", ".mp3", ".mp4", ".mpeg", ".mpga", ".ogg", ".wav", ".webm"]);
const FIELDS = new Set(["file", "model", "language", "response_format"]);
const MOST_BYTES = 25 * 1024 * 1024;

export const serviceKey = KEY;

const refused = (status: number, message: string): FakeAnswer => ({ status, body: { error: { message } } });

export async function openFakeService(): Promise<FakeService> {
  const asked: Record<string, string>[] = [];

  async function handle(request: FakeRequest): Promise<FakeAnswer> {
    if (request.method !== "POST" || request.path !== "/v1/audio/transcriptions")
      return refused(404, "Invalid URL");
    if (request.headers.authorization !== `Bearer ${KEY}`) return refused(401, "Incorrect API key provided");
    const form = await request.form();
    const strange = [...form.keys()].find((name) => !FIELDS.has(name));
    if (strange !== undefined) return refused(400, `Unknown parameter: ${strange}`);
    const file = form.get("file");
    if (!(file instanceof File)) return refused(400, "file is required");
    if (file.size > MOST_BYTES) return refused(413, "Maximum content size limit exceeded");
    if (!ENDINGS.has(extname(file.name))) return refused(400, "Unrecognized file format");
    if (form.get("model") !== "whisper-1") return refused(404, "The model does not exist");
    const fields = [...form].flatMap(([name, value]) =>
      typeof value === "string" ? [[name, value] as const] : [],
    );
    asked.push({ ...Object.fromEntries(fields), file: file.name });
    const heard = await file.text();
    return { body: heard.startsWith("raw:") ? heard.slice(4) : { text: heard }, applied: true };
  }

  const server = await openFakeServer({
    callOf: () => "send",
    handle,
    failure(failure) {
      if (failure.how === "slow down")
        return {
          ...refused(429, "Rate limit reached"),
          headers: { "retry-after": String(Math.ceil(failure.retryAfterMs / 1_000)) },
        };
      if (failure.how === "unauthorised") return refused(401, "Incorrect API key provided");
      return failure.how === "refuse" ? refused(400, "Invalid file format") : refused(503, "Overloaded");
    },
  });
  return { server, asked };
}
