import { hostname } from 'node:os';
import type { Config, MeasuredLease, StructuredLogger } from '@touchstone/platform';
import {
  belongTo,
  holderName,
  Leadership,
  Leases,
  SharedStore,
  StoreNews,
  type LookAtLog,
} from '@touchstone/readmodel';

/** What this process has in common with others. */
export interface Shared {
  readonly store: SharedStore;
  readonly news: StoreNews;
  readonly leadership: Leadership;
}

/**
 * Null: this process is alone.
 * @throws READ_STORE_UNREACHABLE, READ_STORE_OF_OTHER_LOG
 */
export async function openShared(
  { readStoreUrl: url }: Config,
  look: LookAtLog,
  logger: StructuredLogger,
): Promise<Shared | null> {
  if (url === undefined) return null;
  const store = await SharedStore.open({
    url,
    holder: holderName(hostname(), process.pid),
    warn: (message) => logger.warn(message, 'SharedStore'),
  });
  try {
    if (await belongTo(store, look)) {
      const message = 'The event log has moved: read models and places of policies are made anew from it.';
      logger.warn(message, { event: 'READ_STORE_ANEW' }, 'SharedStore');
    }
  } catch (error) {
    await store.close();
    throw error;
  }
  const leadership = new Leadership(new Leases(store), (message) => logger.warn(message, 'Leadership'));
  return { store, news: new StoreNews(store), leadership };
}

/** Ends what is still done alone, then the connections. */
export async function closeShared(shared: Shared | null): Promise<void> {
  await shared?.leadership.stop();
  await shared?.news.stop();
  await shared?.store.close();
}

export async function measuredLeases({ leadership }: Shared): Promise<readonly MeasuredLease[]> {
  const leases = await leadership.list();
  return leases.map(({ name, epoch }) => ({ name, epoch, isHeldHere: leadership.has(name) }));
}
