/**
 * What somebody wrote, apart from what their client put below it: the mail that they answer, and their signature. Goes
 * by lines and looks at each a fixed number of times, so that no mail takes long, however it is made. (The libraries
 * for it match regular expressions over the whole text: the best kept of them needs 50 s for 50,000 empty lines.)
 *
 * Quotes with words of the sender's between or below them stay: there the answer makes no sense without them.
 */
export interface ReplyText {
  readonly text: string;
  /** Without its marks. */
  readonly quote: string;
}

/** “On Monday Ann wrote:” as mail programs write it; it names a person's address, or a date. */
const WROTE =
  /(?:wrote|writes|schrieb|a écrit|escribió|ha scritto|escreveu|schreef|skrev|kirjoitti|napisał|napisała|napisał\(a\)|написал|написала|пишет|yazdı|έγραψε|写道|のメール|님이 작성)[^\p{L}]{0,40}[:：]\s*$/iu;
const BEGINS = /^(?:on|am|le|el|il|em|op|den|dne|w dniu|dnia|pe|в|\d)/iu;
const ORIGINAL =
  /^-{2,}\s*(?:original message|forwarded message|ursprüngliche nachricht|weitergeleitete nachricht|message d'origine|message transféré|mensaje original|mensagem original|messaggio originale|oorspronkelijk bericht)\s*-{2,}$/i;
const FROM = /^\*?(?:from|von|de|da|van|från|fra|od|от|发件人|差出人)\s?[:：]/iu;
const WHEN = /^\*?(?:sent|date|gesendet|datum|envoyé|enviado(?: el)?|fecha|data|inviato|verzonden|skickat|sendt|дата|отправлено|发送时间|送信日時)\s?[:：]/iu;
const ABOUT = /^\*?(?:subject|betreff|objet|asunto|assunto|oggetto|onderwerp|ämne|emne|temat|тема|主题|件名)\s?[:：]/iu;
const RULE = /^_{10,}$/;
const DEVICE =
  /^(?:sent from|get outlook for|gesendet (?:von|mit)|von meinem|envoyé (?:de|depuis)|enviado (?:desde|do|de)|inviato da|verzonden (?:vanaf|met)|skickat från|отправлено (?:с|из))\s.{1,80}$/iu;
const MOST_LINE = 500;
/** Of a signature; below a longer one somebody wrote on. */
const MOST_SIGNATURE_LINES = 20;

export function replyText(whole: string): ReplyText {
  const lines = whole.replaceAll(/\r\n?/g, "\n").split("\n");
  const at = quoteFrom(lines);
  const own = withoutSignature(lines.slice(0, at));
  const quote = lines
    .slice(at)
    .filter((line) => !isLead(line))
    .map((line) => line.replace(/^(?:>\s?)+/, ""));
  return { text: joined(own), quote: joined(quote).trim() };
}

/** The line from which on everything is the mail that is answered. */
function quoteFrom(lines: readonly string[]): number {
  const header = lines.findIndex((_, at) => startsForeign(lines, at));
  const end = header < 0 ? lines.length : header;
  let at = end;
  while (at > 0 && (blank(lines[at - 1]) || isQuoted(lines[at - 1]))) at -= 1;
  const quotes = lines.slice(at, end).some(isQuoted);
  if (!quotes && header < 0) return lines.length;
  if (quotes) return at - leadBefore(lines, at);
  return end;
}

/** A mail below which programs put no `>`: after a rule, a title, or the block of its headers. */
function startsForeign(lines: readonly string[], at: number): boolean {
  const line = line_(lines[at]);
  if (ORIGINAL.test(line)) return true;
  const next = lines.slice(at + (RULE.test(line) ? 1 : 0), at + 8).map(line_);
  const block = next.slice(0, next.findIndex((one) => one === "") + 1 || next.length);
  if (FROM.test(block[0] ?? "") && block.some((one) => WHEN.test(one)) && block.some((one) => ABOUT.test(one)))
    return true;
  return WROTE.test(line) && /\d/.test(line) && /<\S+@\S+>/.test(line) && BEGINS.test(line);
}

/** How many lines before the quote say whose it is. They may be broken in two or three. */
function leadBefore(lines: readonly string[], at: number): number {
  let last = at;
  while (last > 0 && blank(lines[last - 1])) last -= 1;
  if (!WROTE.test(line_(lines[last - 1]))) return 0;
  for (let taken = 1; taken <= 3 && last - taken >= 0; taken += 1) {
    const line = line_(lines[last - taken]);
    if (line === "") break;
    if (BEGINS.test(line)) return at - (last - taken);
  }
  return at - (last - 1);
}

function withoutSignature(lines: readonly string[]): readonly string[] {
  const mark = lines.findLastIndex((line) => /^-- ?$/.test(line));
  const cut = mark >= 0 && lines.length - mark <= MOST_SIGNATURE_LINES ? lines.slice(0, mark) : lines;
  let end = cut.length;
  while (end > 0 && blank(cut[end - 1])) end -= 1;
  const last = line_(cut[end - 1]);
  return DEVICE.test(last) && (end < 2 || blank(cut[end - 2])) ? cut.slice(0, end - 1) : cut;
}

const isQuoted = (line = ""): boolean => line.startsWith(">");
const blank = (line = ""): boolean => line.trim() === "";
const line_ = (line = ""): string => (line.length > MOST_LINE ? "" : line.trim());
const isLead = (line: string): boolean => WROTE.test(line_(line)) || ORIGINAL.test(line_(line)) || RULE.test(line_(line));
const joined = (lines: readonly string[]): string => lines.join("\n").replace(/^\n+/, "").trimEnd();
