import type { EventLog } from '@touchstone/eventing';

/** The same log, with other ways to append: for whoever watches appends. */
export const withAppends = (log: EventLog, appends: Pick<EventLog, 'append' | 'appendMany'>): EventLog => ({
  ...appends,
  readStream: (stream, options) => log.readStream(stream, options),
  ...(log.absent && { absent: (streams) => log.absent!(streams) }),
  readAll: (options) => log.readAll(options),
  subscribe: (options) => log.subscribe(options),
  head: () => log.head(),
  comparePositions: (a, b) => log.comparePositions(a, b),
  close: () => log.close(),
});
