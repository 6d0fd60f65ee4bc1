import type { RecordedEvent } from '@touchstone/eventing/pure';

/** Numbers in [0, 1) that are the same for the same seed (mulberry32). For tests. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const result = [...items];
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [result[i], result[j]] = [result[j]!, result[i]!];
  }
  return result;
}

/**
 * Another order in which the same might have been recorded: streams against each other at will; within a stream only
 * facts change places with facts, for what was decided stays where it was decided.
 */
export function otherOrder(
  events: readonly RecordedEvent[],
  facts: (event: RecordedEvent) => boolean,
  random: () => number,
): RecordedEvent[] {
  const streams = new Map<string, RecordedEvent[]>();
  for (const event of events) streams.set(event.stream, [...(streams.get(event.stream) ?? []), event]);
  const queues = [...streams.values()].map((stream) => {
    const permuted = shuffled(stream.filter(facts), random);
    return stream.map((event) => (facts(event) ? permuted.shift()! : event));
  });
  const turns = shuffled(
    queues.flatMap((queue, i) => queue.map(() => i)),
    random,
  );
  return turns.map((i) => queues[i]!.shift()!);
}
