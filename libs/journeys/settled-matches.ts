/** Doubts whose two became one by other means than a person's answer: they wait for nobody any more. */
import type { Kernel, RecordedEvent, Work } from '@touchstone/eventing';
import { customerDecider, type Customer } from './customer.js';
import { matchOf } from './journey-joining.js';
import { ConfirmMatch, matchDecider } from './match.js';
import { WholeJourneys } from './whole-journeys.js';

type Looking = Pick<Kernel, 'look'>;

/** What is said of open doubts that a merge has settled. Asks only for the pairs that this merge made one. */
export async function settledBy(event: RecordedEvent, kernel: Looking): Promise<{ matchId: string; work: Work }[]> {
  const settled: { matchId: string; work: Work }[] = [];
  for (const matchId of await pairsOf(event, kernel)) {
    const { state } = await kernel.look(matchDecider, matchId);
    if (state.status !== 'open') continue;
    const command = new ConfirmMatch({ matchId, reason: `The two ${state.of} were merged by other means.` });
    settled.push({ matchId, work: { decider: matchDecider as never, command } });
  }
  return settled;
}

async function pairsOf({ type, stream }: RecordedEvent, kernel: Looking): Promise<string[]> {
  if (type === 'JourneysMerged') {
    const [ours, theirs] = await journeysOf(stream.slice('journey-'.length), kernel);
    return ours.flatMap((one) => theirs.map((other) => matchOf('journeys', one, other)));
  }
  if (type !== 'CustomersMerged') return [];
  const [one, ...others] = await customersOf(stream.slice('customer-'.length), kernel);
  return others.map((other) => matchOf('customers', one!, other));
}

/** The journeys that came in by the merge, and those that they came to; both empty where it was taken back since. */
async function journeysOf(absorbed: string, kernel: Looking): Promise<[string[], string[]]> {
  const { rootId, parts } = await new WholeJourneys(kernel).of(absorbed);
  if (rootId === absorbed) return [[], []];
  const into = new Map(parts.map(({ id, state }) => [id, state.mergedInto]));
  const cameBy = (id: string): boolean => {
    const seen = new Set<string>();
    for (let at: string | undefined = id; at !== undefined && !seen.has(at); at = into.get(at)) {
      if (at === absorbed) return true;
      seen.add(at);
    }
    return false;
  };
  const ids = [...into.keys()];
  return [ids.filter(cameBy), ids.filter((id) => !cameBy(id))];
}

/** The customer and all whom they were merged into. */
async function customersOf(customerId: string, kernel: Looking): Promise<string[]> {
  const chain: string[] = [];
  for (let at: string | undefined = customerId; at !== undefined && !chain.includes(at);) {
    chain.push(at);
    const state: Customer = (await kernel.look(customerDecider, at)).state;
    at = state.status === 'none' ? undefined : state.mergedInto;
  }
  return chain;
}
