import { submissionOf } from './append-queue.js';
import type { CopyTarget } from './copy-ends.js';
import type { Appended, AppendRequest } from './event-log.js';
import { AppendChannel } from './esdb-append.js';
import { encodeAppend, type Settled } from './esdb-append.wire.js';
import { failed } from './esdb-errors.js';
import { EsdbReader, type EsdbLogOptions } from './esdb-log.js';

/**
 * A log on EventStoreDB for whoever needs an order across streams. All appends of one call go out over one connection,
 * one behind the other, and the server takes them as they come. None is repeated alone: it would then stand behind those
 * that were sent after it. Whoever repeats, repeats them all: those that are there answer as the first time.
 */
export const openEsdbInOrder = (options: EsdbLogOptions): CopyTarget => new EsdbInOrder(options);

class EsdbInOrder extends EsdbReader implements CopyTarget {
  private readonly channel: AppendChannel;

  constructor(options: EsdbLogOptions) {
    super(options);
    this.channel = new AppendChannel(this.parts.client, this.parts.silenceMs);
  }

  async appendInOrder(requests: readonly AppendRequest[]): Promise<readonly Appended[]> {
    this.assertOpen();
    const appends = requests.map(submissionOf).map((one) => encodeAppend(one.stream, one.expected, one.events));
    // All are handed over in this turn, so that they share one call or none.
    const answers = await Promise.allSettled(appends.map((append) => this.channel.append(append)));
    const settled = answers.map((answer) => {
      if (answer.status === 'rejected') throw answer.reason as Error;
      return answer.value;
    });
    return Promise.all(settled.map((one, i) => this.placed(requests[i]!.stream, one)));
  }

  override async close(): Promise<void> {
    await this.channel.close();
    await super.close();
  }

  /** An answer to a repeat may lack the position; the event itself has it. */
  private async placed(stream: string, { revision, position }: Settled): Promise<Appended> {
    if (position !== null) return { revision, position };
    for await (const event of this.readStream(stream, { from: revision, max: 1 })) {
      return { revision, position: event.position };
    }
    throw failed(`appending to ${stream}`, 'no position was given');
  }
}
