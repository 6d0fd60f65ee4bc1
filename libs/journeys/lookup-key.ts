/**
 * A claim on a lookup key (phone, account, meter, an id of another system): who appends first owns the key, who loses
 * reads and joins. The stream's name is a keyed hash, so the log does not tell the value.
 */
import { command, decider, event, t, type Decide, type EventOf, type EventSource } from '@touchstone/eventing/pure';

export const keyStream = (hash: string) => `key-${hash}`;

export const KeyBound = event(
  'KeyBound',
  t.object({
    /** Type of the identifier or object, such as `phone` or `helpdesk/customer`. */
    keyType: t.code(),
    customerId: t.optional(t.uuid()),
    journeyId: t.optional(t.uuid()),
  }),
);
/** The key is free again: whoever comes with it next is somebody new. */
export const KeyReleased = event('KeyReleased', t.object({ reason: t.text() }));
export type KeyEvent = EventOf<typeof KeyBound | typeof KeyReleased>;

export type LookupKey = { status: 'free' } | { status: 'bound'; customerId?: string; journeyId?: string };

export function evolve(key: LookupKey, e: KeyEvent): LookupKey {
  if (e.type === 'KeyReleased') return { status: 'free' };
  if (key.status === 'bound') return key;
  return { status: 'bound', customerId: e.data.customerId, journeyId: e.data.journeyId };
}

/** Binds the key unless it is bound already; the state afterwards says to whom. */
export class BindKey extends command<{
  hash: string;
  keyType: string;
  customerId?: string;
  journeyId?: string;
  /** When and by which source it was first named; absent: now. */
  occurredAt?: string;
  source?: EventSource;
}>() {}

/** Lets go of the key, so that nobody is found by it any more. */
export class ReleaseKey extends command<{ hash: string; reason: string }>() {}

export const bindKey: Decide<BindKey, LookupKey> = ({ keyType, customerId, journeyId, occurredAt, source }, key) =>
  key.status === 'bound' ? [] : [KeyBound({ keyType, customerId, journeyId }, { occurredAt, source })];

export const releaseKey: Decide<ReleaseKey, LookupKey> = ({ reason }, key) =>
  key.status === 'free' ? [] : [KeyReleased({ reason })];

export const keyDecider = decider<LookupKey, KeyEvent>(
  { name: 'key', stream: keyStream, initial: () => ({ status: 'free' }), evolve },
  (on) => [on(BindKey, (c) => c.hash, bindKey), on(ReleaseKey, (c) => c.hash, releaseKey)],
);
