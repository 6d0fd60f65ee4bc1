/**
 * PostgreSQL's texts hold every character but the first one, U+0000. Where it occurs it is written as U+F8FF (of the
 * private use area) and `0`, and U+F8FF itself as U+F8FF and `1`, so that a text comes back as it went in.
 */
export const storedText = {
  write: (text: string): string =>
    /[\0\uF8FF]/.test(text) ? text.replaceAll('\uF8FF', '\uF8FF1').replaceAll('\0', '\uF8FF0') : text,
  read: (text: string): string =>
    text.includes('\uF8FF') ? text.replaceAll('\uF8FF0', '\0').replaceAll('\uF8FF1', '\uF8FF') : text,
};
