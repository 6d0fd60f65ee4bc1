import { oneLine } from './text.js';

export const LEVELS = ['ok', 'note', 'warn', 'fail'] as const;
/** `note`: good to know · `warn`: see to it soon · `fail`: something does not work, or is about to lose data. */
export type Level = (typeof LEVELS)[number];

export interface Finding {
  readonly level: Level;
  /** Stable. */
  readonly code: string;
  /** What was found and, unless all is well, what to do. */
  readonly message: string;
}

type Say = (code: string, message: string) => Finding;
const at =
  (level: Level): Say =>
  (code, message) => ({ level, code, message: withoutSecrets(oneLine(message)) });

export const ok = at('ok');
export const note = at('note');
export const warn = at('warn');
export const fail = at('fail');

/** Credentials in an address, whatever it is an address of, and whoever repeats it in a message. */
export const withoutSecrets = (text: string): string => text.replace(/([a-z][a-z0-9+]*:\/\/)[^\s/@]*@/gi, '$1…@');

/** What went wrong, in the words of who threw it. */
export const reasonOf = (error: unknown): string => {
  const { code, message } = error as { code?: unknown; message?: string };
  return message || (typeof code === 'string' ? code : String(error));
};

/** A check that itself breaks is a finding too: nothing is left out because something before it failed. */
export async function findingsOf(code: string, check: () => Promise<Finding[]> | Finding[]): Promise<Finding[]> {
  try {
    return await check();
  } catch (error) {
    return [fail(code, `${reasonOf(error)} Mend that and ask again.`)];
  }
}

export function reportText(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ code }) => code.length));
  const lines = findings.map(({ level, code, message }) => `${level.padEnd(5)} ${code.padEnd(width)}  ${message}`);
  const count = (level: Level) => findings.filter((finding) => finding.level === level).length;
  const counts = [...LEVELS].reverse().map((level) => `${count(level)} ${level}`);
  return [...lines, counts.join(', ')].join('\n');
}
