/** A text that holds JSON of this form: `jsonText(Facts).safeParse(file)`. */
import { z } from "zod";

export function jsonText<T extends z.ZodType>(schema: T) {
  const parsed = z.transform((text: string, context): unknown => {
    try {
      return JSON.parse(text);
    } catch {
      context.issues.push({ code: "custom", message: "is not JSON", input: text });
      return z.NEVER;
    }
  });
  return z.string().pipe(parsed).pipe(schema);
}
