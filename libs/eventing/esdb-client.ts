import { setTimeout as sleep } from 'node:timers/promises';
import {
  EventStoreDBClient,
  type AllStreamResolvedEvent,
  type AllStreamSubscription,
  type Filter,
  type ReadPosition,
  type ResolvedEvent,
  type StreamingRead,
} from '@eventstore/db-client';
import services from '@eventstore/db-client/generated/streams_grpc_pb.js';
import type { StreamsClient } from '@eventstore/db-client/generated/streams_grpc_pb.js';
import { TouchstoneError } from './errors.js';
import type { EsdbAddress } from './esdb-address.js';
import { Pulse } from './esdb-pulse.js';

/** The call over which appends go out and their answers come back. */
export type AppendStream = ReturnType<StreamsClient['batchAppend']>;

/** Events that wait in memory for who reads them; beyond it the server waits. */
const READ_AHEAD = 128;

const DISPOSE_MS = 1_000;

/** What the client has, but keeps to its own commands. */
interface Plumbing {
  execute<T>(service: typeof StreamsClient, name: string, action: (grpc: StreamsClient) => Promise<T>): Promise<T>;
  callArguments(
    options: { requiresLeader: boolean },
    call: { deadline: number },
  ): Parameters<StreamsClient['batchAppend']>;
}

/** The one client of a thread, and the few things that are asked of it. */
export class EsdbClient {
  /** Beats whenever the server answers. */
  readonly pulse = new Pulse();
  private readonly client: EventStoreDBClient;

  constructor(private readonly address: EsdbAddress) {
    this.client = EventStoreDBClient.connectionString(address.connectionString);
  }

  /**
   * Opens the call for appends on the client's own connection, with its credentials. `onEnd` hears once that it is
   * over; the client is told why, so that it connects anew or goes to the leader.
   *
   * The client's own way of appending is not used: it keeps the callers of all appends in one table that any broken
   * call empties, so that a late answer throws where nobody can catch it, and a write that waits while the connection
   * breaks is a rejection without an owner. Either ends the process.
   */
  async openAppends(opened: (stream: AppendStream, end: (error: Error) => void) => void): Promise<void> {
    const plumbing = this.client as unknown as Plumbing;
    const { requiresLeader } = this.address;
    await plumbing.execute(services.StreamsClient, 'appends', (grpc) => {
      const [metadata, options] = plumbing.callArguments({ requiresLeader }, { deadline: Infinity });
      const stream = grpc.batchAppend(metadata as never, options as never);
      return new Promise<void>((_resolve, reject) => {
        stream.once('end', () => reject(new Error('the server ended the call')));
        stream.on('error', reject);
        opened(stream, reject);
      });
    });
  }

  readStream(
    stream: string,
    options: { fromRevision: bigint | 'start' | 'end'; direction: 'forwards' | 'backwards'; maxCount?: number },
  ): StreamingRead<ResolvedEvent> {
    const { requiresLeader } = this.address;
    return this.client.readStream(stream, { ...options, requiresLeader });
  }

  /** Knows no filter: the client would take one and ignore it. */
  readAll(options: {
    fromPosition: ReadPosition;
    direction: 'forwards' | 'backwards';
    maxCount?: number;
  }): StreamingRead<AllStreamResolvedEvent> {
    const { requiresLeader } = this.address;
    return this.client.readAll({ ...options, requiresLeader }, { highWaterMark: READ_AHEAD });
  }

  subscribe(options: { fromPosition: ReadPosition; filter: Filter }): AllStreamSubscription {
    const { requiresLeader } = this.address;
    return this.client.subscribeToAll({ ...options, requiresLeader }, { highWaterMark: READ_AHEAD });
  }

  /** The client waits for every call that it ever lost sight of; a log that is closed does not wait for ever. */
  async dispose(): Promise<void> {
    const late = new AbortController();
    await Promise.race([this.client.dispose(), sleep(DISPOSE_MS, undefined, { signal: late.signal }).catch(() => {})]);
    late.abort();
  }
}

let shared: { readonly client: EsdbClient; readonly address: EsdbAddress; users: number } | null = null;

/**
 * The client of this thread: two in one thread would get into each other's way inside the client library.
 * @throws LOG_ALREADY_CONNECTED when the thread has a client of another server
 */
export function shareClient(address: EsdbAddress): { readonly client: EsdbClient; release(): Promise<void> } {
  if (shared !== null && shared.address.connectionString !== address.connectionString) {
    throw new TouchstoneError(
      'LOG_ALREADY_CONNECTED',
      `This thread is connected to ${shared.address.shown}; close that log before you open ${address.shown}.`,
      'conflict',
    );
  }
  shared ??= { client: new EsdbClient(address), address, users: 0 };
  const mine = shared;
  mine.users++;
  let released = false;
  return {
    client: mine.client,
    async release() {
      if (released) return;
      released = true;
      if (--mine.users > 0) return;
      if (shared === mine) shared = null;
      await mine.client.dispose();
    },
  };
}
