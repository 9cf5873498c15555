/**
 * What somebody wrote, apart from what their client put below it: the mail that they answer or forward, and their signature. Goes
 * by lines and looks at each a fixed number of times, so that no mail takes long, however it is made. (The libraries
 * for it match regular expressions over the whole text: the best kept of them needs 50 s for 50,000 empty lines.)
 *
 * Quotes with words of the sender's between or below them stay: there the answer makes no sense without them.
 */
export interface ReplyText {
  readonly text: string;
  /** Without its marks. */
  readonly quote: string;
  /** The same as it stands there, with what says whose it is. */
  readonly below: string;
}

/** “On Monday Ann wrote:”, as mail programs write it: the verb stands before the name in some languages. */
const WROTE =
  /\b(?:wrote|writes|schrieb|escribió|ha scritto|escreveu|schreef|skrev|kirjoitti|napisał(?:a|\(a\))?|yazdı)(?!\p{L})|a écrit|написал|пишет|έγραψε|写道|のメール|님이 작성/iu;
const COLON = /[:：]$/u;
const BEGINS = /^(?:on|am|le|el|il|em|op|den|dne|w dniu|dnia|pe|в|\d)/iu;
const ORIGINAL =
  /^-{2,}\s*(?:original message|forwarded message|ursprüngliche nachricht|weitergeleitete nachricht|message d'origine|message transféré|mensaje original|mensagem original|messaggio originale|oorspronkelijk bericht)\s*-{2,}$/i;
const FROM = /^\*?(?:from|von|de|da|van|från|fra|od|от|发件人|差出人)\s?[:：]/iu;
const WHEN =
  /^\*?(?:sent|date|gesendet|datum|envoyé|enviado(?: el)?|fecha|data|inviato|verzonden|skickat|sendt|дата|отправлено|发送时间|送信日時)\s?[:：]/iu;
const ABOUT =
  /^\*?(?:subject|betreff|objet|asunto|assunto|oggetto|onderwerp|ämne|emne|temat|тема|主题|件名)\s?[:：]/iu;
const RULE = /^_{10,}$/;
const DEVICE =
  /^(?:sent from|get outlook for|gesendet (?:von|mit)|von meinem|envoyé (?:de|depuis)|enviado (?:desde|do|de)|inviato da|verzonden (?:vanaf|met)|skickat från|отправлено (?:с|из))\s.{1,80}$/iu;
const MOST_LINE = 500;
/** Of a signature; below a longer one somebody wrote on. */
const MOST_SIGNATURE_LINES = 20;

export function replyText(whole: string): ReplyText {
  // Some put their signature below the quote, most above it.
  const lines = withoutSignature(whole.replaceAll(/\r\n?/g, "\n").split("\n"));
  const { lead, from } = foreign(lines);
  const quote = lines.slice(from).map((line) => line.replace(/^(?:>\s?)+/, ""));
  const text = joined(withoutSignature(lines.slice(0, lead)));
  return { text, quote: joined(quote), below: joined(lines.slice(lead)) };
}

/** From where on everything is the mail that is answered, and where the lines begin that say whose it is. */
function foreign(lines: readonly string[]): { readonly lead: number; readonly from: number } {
  const header = lines.findIndex((_, at) => startsForeign(lines, at));
  const end = header < 0 ? lines.length : header;
  let from = end;
  while (from > 0 && (blank(lines[from - 1]) || isQuoted(lines[from - 1]))) from -= 1;
  if (lines.slice(from, end).some(isQuoted)) return { lead: from - leadBefore(lines, from), from };
  return { lead: end, from: saysWhose(lineOf(lines[end])) ? end + 1 : end };
}

/** A mail below which programs put no `>`: after a rule, a title, or the block of its headers. */
function startsForeign(lines: readonly string[], at: number): boolean {
  const line = lineOf(lines[at]);
  if (ORIGINAL.test(line)) return true;
  const next = lines.slice(at + (RULE.test(line) ? 1 : 0), at + 8).map(lineOf);
  const block = next.slice(0, next.findIndex((one) => one === "") + 1 || next.length);
  if (
    FROM.test(block[0] ?? "") &&
    block.some((one) => WHEN.test(one)) &&
    block.some((one) => ABOUT.test(one))
  )
    return true;
  const quoted = isQuoted(lines.slice(at + 1, at + 5).find((one) => !blank(one)));
  return !quoted && saysWhose(line) && BEGINS.test(line) && /\d/.test(line) && /<\S+@\S+>/.test(line);
}

/** How many lines before the quote say whose it is. They may be broken in two or three. */
function leadBefore(lines: readonly string[], from: number): number {
  let last = from;
  while (last > 0 && blank(lines[last - 1])) last -= 1;
  let found = 0;
  for (let taken = 1; taken <= 3 && !blank(lines[last - taken]); taken += 1) {
    const lead = lines
      .slice(last - taken, last)
      .map(lineOf)
      .join(" ");
    if (!saysWhose(lead)) continue;
    found = from - last + taken;
    if (BEGINS.test(lead)) break;
  }
  return found;
}

const saysWhose = (line: string): boolean => COLON.test(line) && WROTE.test(line);

function withoutSignature(lines: readonly string[]): readonly string[] {
  const mark = lines.findLastIndex((line) => /^-- ?$/.test(line));
  const cut = mark >= 0 && lines.length - mark <= MOST_SIGNATURE_LINES ? lines.slice(0, mark) : lines;
  let end = cut.length;
  while (end > 0 && blank(cut[end - 1])) end -= 1;
  const last = lineOf(cut[end - 1]);
  return DEVICE.test(last) && (end < 2 || blank(cut[end - 2])) ? cut.slice(0, end - 1) : cut;
}

const isQuoted = (line = ""): boolean => line.startsWith(">");
const blank = (line = ""): boolean => line.trim() === "";
const lineOf = (line = ""): string => (line.length > MOST_LINE ? "" : line.trim());
const joined = (lines: readonly string[]): string => lines.join("\n").replace(/^\n+/, "").trimEnd();
