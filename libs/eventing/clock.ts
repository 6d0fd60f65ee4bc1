import { TouchstoneError } from './errors.js';
import { isInstant } from './instant.js';

/** The only source of "now". Everything that is stamped or fires on time asks it. */
export interface Clock {
  now(): Date;
}

export const systemClock: Clock = { now: () => new Date() };

/**
 * A clock that starts at `instant` and runs on from there (`CLOCK_AT`), or stands still with `still`.
 * @throws INVALID_CLOCK when the text is not an instant with a zone
 */
export function clockAt(instant: string, { still = false } = {}): Clock {
  if (!isInstant(instant)) {
    throw new TouchstoneError(
      'INVALID_CLOCK',
      `CLOCK_AT must be an instant with a zone, such as 2024-05-01T08:00:00+08:00; got "${instant}".`,
      'invalid',
    );
  }
  const start = Date.parse(instant);
  const since = performance.now();
  return { now: () => new Date(still ? start : start + Math.round(performance.now() - since)) };
}
