import { setTimeout as sleep } from 'node:timers/promises';
import { TouchstoneError } from '@touchstone/eventing/pure';
import { errorOf, jsonOf, post } from './http.js';
import { interrupted } from './cli-errors.js';

export interface GroupProgress {
  readonly group: string;
  readonly generation: string;
  readonly state: 'CATCHING_UP' | 'LIVE' | 'STALLED' | 'FAILED';
  readonly checkpoint: string | null;
  readonly head: string | null;
  readonly eventsPerSecond: number;
  readonly cause: string | null;
}

/** How often the read models are asked how far they are, in ms. */
const POLL_MS = 100;

/** A running server, over HTTP. */
export class Api {
  constructor(
    readonly url: string,
    /** Who acts: goes into the metadata of every event that is caused. */
    private readonly actor: string,
    readonly signal: AbortSignal,
  ) {}

  /**
   * Runs a GraphQL operation; variables that are undefined are left out.
   * @throws the error of the server with its code; SERVER_UNREACHABLE, SERVER_GONE, SERVER_UNKNOWN, INTERRUPTED
   */
  async ask<T>(query: string, variables: Readonly<Record<string, unknown>> = {}): Promise<T> {
    const body = JSON.stringify({ query, variables });
    const headers = { ...this.headers(), 'content-type': 'application/json' };
    const answer = await post({ url: new URL('/graphql', this.url), headers, body, signal: this.signal });
    const { data, errors } = (await jsonOf(answer)) as { data?: T | null; errors?: GraphqlError[] };
    const [error] = errors ?? [];
    if (error) throw errorOf({ message: error.message, ...error.extensions });
    if (!data) throw errorOf({});
    return data;
  }

  /** What every request says of itself. */
  headers(): Record<string, string> {
    return { 'x-actor': encodeURIComponent(this.actor) };
  }

  /**
   * Waits until every read model has come as far as the log was when this was called.
   * @throws READ_MODEL_FAILED with the cause
   */
  async settled(report: (behind: GroupProgress) => void = () => undefined): Promise<void> {
    let target: ReadonlyMap<string, string> | undefined;
    for (;;) {
      const { projections } = await this.ask<{ projections: GroupProgress[] }>(
        '{ projections { group generation state checkpoint head eventsPerSecond cause } }',
      );
      target ??= new Map(projections.map(({ group, head }) => [group, head ?? '']));
      const behind = projections.find(({ group, checkpoint }) => (checkpoint ?? '') < (target?.get(group) ?? ''));
      if (!behind) return;
      if (behind.state === 'FAILED') throw failed(behind);
      report(behind);
      await sleep(POLL_MS, undefined, { signal: this.signal }).catch(() => {
        throw interrupted();
      });
    }
  }
}

interface GraphqlError {
  readonly message: string;
  readonly extensions?: Readonly<Record<string, unknown>>;
}

const failed = ({ group, cause }: GroupProgress): TouchstoneError =>
  new TouchstoneError(
    'READ_MODEL_FAILED',
    `The read model ${group} cannot go on: ${cause ?? 'it does not say why'}. See \`touchstone projections\`.`,
    'unavailable',
  );
