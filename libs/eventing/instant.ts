const INSTANT =
  /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/;

/** True for an ISO 8601 date and time *with* a zone offset: a time without a zone is not an instant. */
export function isInstant(text: unknown): text is string {
  return typeof text === 'string' && INSTANT.test(text) && isDay(text);
}

/** The 30th of February is no day, though a lenient parser makes one of it. */
function isDay(text: string): boolean {
  const day = Number(text.slice(8, 10));
  if (day <= 28) return true;
  return new Date(Date.UTC(Number(text.slice(0, 4)), Number(text.slice(5, 7)) - 1, day)).getUTCDate() === day;
}

/** Milliseconds since 1970 of an ISO instant; finer digits are cut. The text keeps the offset as it was given. */
export function instantMs(instant: string): number {
  return Date.parse(instant);
}

/** What the order inside a journey is made of. */
export interface Ordered {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Place given by the source; absent sorts first. */
  readonly sequence?: number;
  readonly id: string;
}

/** Order inside a journey: instant, then the source's sequence (absent first), then id. Never the position. */
export function byInstant(a: Ordered, b: Ordered): number {
  return a.at - b.at || (a.sequence ?? -1) - (b.sequence ?? -1) || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}
