/**
 * Begins `work` on items as they come and gives the results in the order of the items. No more than `inHand` are begun
 * and not given, so the consumer sets the pace; a result never waits for an item that has not come yet.
 * @throws what the work or the items throw, after the results of all that was begun before
 */
export async function* inOrder<T, R>(
  items: AsyncIterable<T>,
  work: (item: T) => Promise<R>,
  inHand: number,
): AsyncGenerator<R> {
  const iterator = items[Symbol.asyncIterator]();
  const begun: Promise<R>[] = [];
  const nextItem = (): Promise<IteratorResult<T>> => {
    const next = iterator.next();
    // It may fail while results are given: that is told once they are.
    next.catch(() => undefined);
    return next;
  };
  let coming: Promise<IteratorResult<T>> | null = nextItem();
  try {
    for (;;) {
      if (coming && begun.length < inHand && (begun.length === 0 || (await isFirst(coming, begun[0]!)))) {
        const item: IteratorResult<T> = await coming;
        if (item.done) {
          coming = null;
          continue;
        }
        const result = work(item.value);
        result.catch(() => undefined);
        begun.push(result);
        coming = nextItem();
      } else if (begun.length > 0) {
        yield await begun.shift()!;
      } else {
        return;
      }
    }
  } finally {
    // An item may be waited for that never comes: whoever feeds the items ends that.
    const ended = iterator.return?.();
    if (!coming) await ended;
    else ended?.catch(() => undefined);
  }
}

/** Whether the item is there before the result. An item that failed lets the results go first. */
const isFirst = (item: Promise<unknown>, result: Promise<unknown>): Promise<boolean> =>
  Promise.race([
    item.then(
      () => true,
      () => false,
    ),
    result.then(
      () => false,
      () => false,
    ),
  ]);
