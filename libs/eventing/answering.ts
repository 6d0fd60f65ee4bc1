import type { EventLog } from './event-log.js';

/** The log once it has answered; closed when it does not. */
export async function answering<L extends Pick<EventLog, 'head' | 'close'>>(log: L): Promise<L> {
  try {
    await log.head();
    return log;
  } catch (error) {
    await log.close();
    throw error;
  }
}
