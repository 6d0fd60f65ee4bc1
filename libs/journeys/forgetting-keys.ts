/** Lookup keys that lead to somebody who was forgotten are let go of: whoever comes with one next is somebody new. */
import type { ActingContext, ExpectsRevision, Kernel } from '@touchstone/eventing';
import { keyDecider, ReleaseKey } from './lookup-key.js';

/**
 * Releases each key while it leads to one of these customers. One that was let go of meanwhile, and claimed by somebody
 * new, is theirs and stays.
 */
export async function releaseKeysOf(
  kernel: Pick<Kernel, 'look' | 'execute'>,
  { customers, hashes, reason }: { customers: readonly string[]; hashes: readonly string[]; reason: string },
  context?: ActingContext,
): Promise<void> {
  for (const hash of hashes) {
    while (!(await isReleased(kernel, hash, customers, reason, context)));
  }
}

/** False: the key changed between looking and letting go. */
async function isReleased(
  kernel: Pick<Kernel, 'look' | 'execute'>,
  hash: string,
  customers: readonly string[],
  reason: string,
  context?: ActingContext,
): Promise<boolean> {
  const { state, revision } = await kernel.look(keyDecider, hash);
  if (state.status !== 'bound' || state.customerId === undefined || !customers.includes(state.customerId)) return true;
  const seen: ExpectsRevision = { expectedRevision: revision };
  try {
    await kernel.execute(keyDecider, Object.assign(new ReleaseKey({ hash, reason }), seen), { context });
    return true;
  } catch (error) {
    if ((error as { code?: unknown }).code === 'WRONG_EXPECTED_REVISION') return false;
    throw error;
  }
}
