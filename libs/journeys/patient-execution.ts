import { TouchstoneError, type ExecuteOptions, type Kernel, type Work, type WorkOutcome } from '@touchstone/eventing';

/** Waits between attempts while the log's queue is full, in ms; the sum bounds how long a chunk is held back. */
const BUSY_WAITS = [10, 20, 50, 100, 200, 500, 1000, 2000, 4000];

/** Executes, and executes again what found the log's queue full. */
export async function executePatiently(
  kernel: Pick<Kernel, 'executeMany'>,
  work: readonly Work[],
  options: ExecuteOptions,
): Promise<WorkOutcome[]> {
  const outcomes = await kernel.executeMany(work, options);
  for (const wait of BUSY_WAITS) {
    const busy = outcomes.flatMap((o, i) => (!o.ok && isBusy(o.error) ? [i] : []));
    if (busy.length === 0) break;
    await new Promise((resolve) => setTimeout(resolve, wait));
    const again = await kernel.executeMany(
      busy.map((i) => work[i]!),
      options,
    );
    busy.forEach((i, at) => (outcomes[i] = again[at]!));
  }
  return outcomes;
}

const isBusy = (error: Error): boolean => error instanceof TouchstoneError && error.kind === 'busy';
