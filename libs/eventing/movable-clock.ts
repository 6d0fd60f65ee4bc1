import { clockAt, type Clock } from './clock.js';

/** For tests: a clock that stands still until it is moved. */
export class MovableClock implements Clock {
  private standing: Clock;

  /** @param instant ISO 8601 with a zone. @throws INVALID_CLOCK */
  constructor(instant: string) {
    this.standing = clockAt(instant, { still: true });
  }

  now(): Date {
    return this.standing.now();
  }

  /** To an instant, or on by so many milliseconds. @throws INVALID_CLOCK */
  move(to: string | number): void {
    const instant = typeof to === 'string' ? to : new Date(this.now().getTime() + to).toISOString();
    this.standing = clockAt(instant, { still: true });
  }
}
