/**
 * A stand-in for an EventStoreDB server that does what it is told to do wrong. Its ordinary behaviour was checked
 * against a real server: both pass the contract of the event log.
 */
import grpc from '@grpc/grpc-js';
import type { ServerDuplexStream, ServerWritableStream } from '@grpc/grpc-js';
import anyPb from 'google-protobuf/google/protobuf/any_pb.js';
import emptyPb from 'google-protobuf/google/protobuf/empty_pb.js';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import statusPb from '@eventstore/db-client/generated/status_pb.js';
import services from '@eventstore/db-client/generated/streams_grpc_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import type { BatchAppendReq, BatchAppendResp, ReadReq, ReadResp } from '@eventstore/db-client/generated/streams_pb.js';
import { EsdbStore, type Expected, type Proposed, type StoredEvent, type Written } from './esdb-store.spec-kit.js';

/** What may go wrong with one append. */
export type AppendFault =
  /** Written, but the answer never comes. */
  | { readonly kind: 'unanswered' }
  /** Written, and answered only after so many milliseconds. */
  | { readonly kind: 'late'; readonly ms: number }
  /** Neither written nor answered. */
  | { readonly kind: 'lost' }
  /** The call breaks; `written` says whether the events were written before. */
  | { readonly kind: 'broken'; readonly written: boolean }
  /** Refused with a status: `type` is the name of the details, when there are any. */
  | { readonly kind: 'refused'; readonly type: string | null; readonly message: string }
  /** Written, and answered without a position. */
  | { readonly kind: 'placeless' };

type AppendCall = ServerDuplexStream<BatchAppendReq, BatchAppendResp>;
type ReadCall = ServerWritableStream<ReadReq, ReadResp>;

const MAX_APPEND = 1_048_576;

/** What is sent for an event is made once, however often it is read. */
const sendable = new WeakMap<StoredEvent, Buffer>();
const definition = services.StreamsService as unknown as grpc.ServiceDefinition;
const service: grpc.ServiceDefinition = {
  ...definition,
  read: {
    ...definition['read']!,
    responseSerialize: (message: ReadResp | Buffer) =>
      Buffer.isBuffer(message) ? message : Buffer.from(message.serializeBinary()),
  },
};

export class FaultyEsdb {
  /** Faults of the next appends, one each. */
  readonly appendFaults: AppendFault[] = [];
  /** The real one sends nothing more; the connection stays. */
  isMute = false;
  /** Another server is the leader now; every call is told so. */
  leader: FaultyEsdb | null = null;
  /** Appends that arrived, by stream: also those that were then lost. */
  readonly arrived: { readonly stream: string; readonly expected: Expected; readonly ids: readonly string[] }[] = [];
  /** Calls that were opened, ever. */
  readonly opened = { appends: 0, reads: 0, subscriptions: 0 };
  /** Called before each append is looked at. */
  before: () => void = () => undefined;
  /** Bytes that it takes at once. */
  maxAppend = MAX_APPEND;
  /** Events that were handed to the network for subscribers. */
  sent = 0;
  private readonly appendCalls = new Set<AppendCall>();
  private readonly readCalls = new Set<ReadCall>();
  private server: grpc.Server | null = null;
  private port = 0;

  private constructor(private kept: EsdbStore) {}

  get store(): EsdbStore {
    return this.kept;
  }

  /** Begins anew with an empty log. */
  empty(): void {
    this.kept = new EsdbStore();
  }

  static async start(store = new EsdbStore()): Promise<FaultyEsdb> {
    const esdb = new FaultyEsdb(store);
    await esdb.up();
    return esdb;
  }

  get url(): string {
    return `esdb://127.0.0.1:${this.port}?tls=false`;
  }

  get openReads(): number {
    return this.readCalls.size;
  }

  /** Listens, on the same port as before. */
  async up(): Promise<void> {
    const server = new grpc.Server();
    server.addService(service, {
      batchAppend: (call: AppendCall) => this.takeAppends(call),
      read: (call: ReadCall) => this.read(call),
    });
    this.port = await new Promise<number>((resolve, reject) =>
      server.bindAsync(`127.0.0.1:${this.port}`, grpc.ServerCredentials.createInsecure(), (error, port) =>
        error ? reject(error) : resolve(port),
      ),
    );
    this.server = server;
  }

  /** Ends at once, with everything that was under way. */
  down(): Promise<void> {
    this.server?.forceShutdown();
    this.server = null;
    return Promise.resolve();
  }

  /** Breaks the calls that are open, or ends them as if that were in order. */
  drop(which: 'appends' | 'reads', how: 'broken' | 'ended' = 'broken'): void {
    const calls = which === 'appends' ? this.appendCalls : this.readCalls;
    for (const call of calls) {
      if (how === 'ended') call.end();
      else
        call.emit('error', Object.assign(new Error('dropped'), { code: grpc.status.UNAVAILABLE, details: 'dropped' }));
    }
  }

  private isElsewhere(call: AppendCall | ReadCall): boolean {
    if (this.leader === null) return false;
    const metadata = new grpc.Metadata();
    metadata.set('exception', 'not-leader');
    metadata.set('leader-endpoint-host', '127.0.0.1');
    metadata.set('leader-endpoint-port', String(this.leader.port));
    call.on('error', () => undefined);
    call.emit('error', Object.assign(new Error('no'), { code: grpc.status.NOT_FOUND, details: 'no', metadata }));
    return true;
  }

  private takeAppends(call: AppendCall): void {
    this.opened.appends++;
    if (this.isElsewhere(call)) return;
    this.appendCalls.add(call);
    call.on('close', () => this.appendCalls.delete(call));
    call.on('error', () => undefined);
    const parts = new Map<string, { options: BatchAppendReq.Options; events: Proposed[] }>();
    call.on('data', (request: BatchAppendReq) => {
      const key = JSON.stringify(request.getCorrelationId()!.toObject());
      const options = request.getOptions();
      const append = parts.get(key) ?? { options: options!, events: [] };
      parts.set(key, append);
      append.events.push(...request.getProposedMessagesList().map(proposed));
      if (!request.getIsFinal()) return;
      parts.delete(key);
      const answer = new streams.BatchAppendResp();
      answer.setCorrelationId(request.getCorrelationId());
      answer.setStreamIdentifier(append.options.getStreamIdentifier());
      this.append(call, answer, append.options, append.events);
    });
    call.on('end', () => call.end());
  }

  private append(
    call: AppendCall,
    answer: BatchAppendResp,
    options: BatchAppendReq.Options,
    events: readonly Proposed[],
  ): void {
    const stream = Buffer.from(options.getStreamIdentifier()!.getStreamName_asU8()).toString();
    const expected = expectedOf(options);
    this.arrived.push({ stream, expected, ids: events.map(({ id }) => id) });
    this.before();
    const fault = this.appendFaults.shift();
    if (fault?.kind === 'lost') return;
    if (fault?.kind === 'refused') return void call.write(refusedWith(answer, fault));
    const isWritten = fault?.kind !== 'broken' || fault.written;
    const size = events.reduce((n, e) => n + e.data.length + e.customMetadata.length, 0);
    if (size > this.maxAppend) return void call.write(tooLarge(answer, this.maxAppend));
    const written = isWritten ? this.store.append(stream, expected, events) : { current: -1 };
    if (fault?.kind === 'unanswered') return;
    if (fault?.kind === 'broken') return this.drop('appends');
    const settled = answered(answer, written, fault?.kind === 'placeless');
    if (fault?.kind === 'late') setTimeout(() => call.writable && call.write(settled), fault.ms);
    else call.write(settled);
  }

  private read(call: ReadCall): void {
    this.opened.reads++;
    if (this.isElsewhere(call)) return;
    this.readCalls.add(call);
    call.on('close', () => this.readCalls.delete(call));
    call.on('cancelled', () => this.readCalls.delete(call));
    call.on('error', () => undefined);
    const options = call.request.getOptions()!;
    if (options.hasSubscription()) {
      this.opened.subscriptions++;
      return void this.serve(call, options).catch(() => undefined);
    }
    const found = options.hasStream() ? this.ofStream(call, options) : this.ofAll(options);
    void this.send(call, found).then(() => call.end());
  }

  private ofStream(call: ReadCall, options: ReadReq.Options): StoredEvent[] {
    const asked = options.getStream()!;
    const identifier = asked.getStreamIdentifier()!;
    const there = this.store.streams.get(Buffer.from(identifier.getStreamName_asU8()).toString());
    if (there === undefined) {
      const nothing = new streams.ReadResp.StreamNotFound();
      nothing.setStreamIdentifier(identifier);
      call.write(new streams.ReadResp().setStreamNotFound(nothing));
      return [];
    }
    const count = Number(options.getCount());
    const from = asked.hasRevision() ? Number(asked.getRevision()) : asked.hasEnd() ? there.length - 1 : 0;
    if (options.getReadDirection() === 0) return there.slice(from, from + count);
    const end = Math.min(from, there.length - 1) + 1;
    return there.slice(Math.max(0, end - count), end).reverse();
  }

  /** Forwards from the given position on, backwards from before it. The filter of a read is ignored, as by the client. */
  private ofAll(options: ReadReq.Options): StoredEvent[] {
    const all = options.getAll()!;
    const count = Number(options.getCount());
    const { log } = this.store;
    const at = all.hasPosition() ? this.store.indexOf(BigInt(all.getPosition()!.getCommitPosition())) : null;
    if (options.getReadDirection() === 0) {
      const from = at ?? (all.hasEnd() ? log.length : 0);
      return log.slice(from, from + count);
    }
    const end = at ?? (all.hasEnd() ? log.length : 0);
    return log.slice(Math.max(0, end - count), end).reverse();
  }

  /** A subscription: confirmed, caught up, live. It waits for the network, so that a slow reader holds nobody up. */
  private async serve(call: ReadCall, options: ReadReq.Options): Promise<void> {
    const all = options.getAll()!;
    const passes = filterOf(options);
    const window =
      (options.getFilter()?.getMax() ?? 32) * (options.getFilter()?.getCheckpointintervalmultiplier() ?? 1);
    let next = all.hasPosition() ? this.store.indexOf(BigInt(all.getPosition()!.getCommitPosition()) + 1n) : 0;
    let wake = () => {};
    const unlisten = this.store.listen(() => wake());
    for (const end of ['close', 'cancelled']) call.on(end, () => wake());
    const confirmation = new streams.ReadResp.SubscriptionConfirmation();
    await this.put(call, new streams.ReadResp().setConfirmation(confirmation));
    let passedOver = 0;
    let isLive = false;
    const isOpen = () => this.readCalls.has(call) && !call.destroyed && !call.cancelled;
    while (isOpen()) {
      if (next >= this.store.log.length || this.isMute) {
        if (!isLive && !this.isMute) {
          isLive = true;
          // Seen on a real server: nothing found from the start on is a checkpoint at minus one.
          if (next === passedOver && !all.hasPosition()) await this.put(call, checkpointAt(2n ** 64n - 1n));
          await this.put(call, new streams.ReadResp().setCaughtUp(new streams.ReadResp.CaughtUp()));
        }
        await new Promise<void>((resolve) => ((wake = resolve), setTimeout(resolve, 20)));
        continue;
      }
      const event = this.store.log[next++]!;
      if (passes(event)) {
        passedOver = 0;
        await this.put(call, eventMessage(event));
        this.sent++;
      } else if (++passedOver % window === 0) await this.put(call, checkpointAt(event.position));
    }
    unlisten();
  }

  private async send(call: ReadCall, events: readonly StoredEvent[]): Promise<void> {
    for (const event of events) {
      if (call.destroyed || call.cancelled) return;
      await this.put(call, eventMessage(event));
    }
  }

  private async put(call: ReadCall, message: ReadResp | Buffer): Promise<void> {
    if (call.destroyed || call.cancelled || call.write(message as ReadResp)) return;
    await new Promise<void>((resolve) => {
      for (const end of ['drain', 'close', 'cancelled']) call.once(end, () => resolve());
    });
  }
}

function proposed(message: BatchAppendReq.ProposedMessage): Proposed {
  const map = message.getMetadataMap();
  return {
    id: message.getId()!.getString(),
    type: map.get('type')!,
    contentType: map.get('content-type')!,
    data: message.getData_asU8(),
    customMetadata: message.getCustomMetadata_asU8(),
  };
}

function expectedOf(options: BatchAppendReq.Options): Expected {
  if (options.hasAny()) return 'any';
  if (options.hasNoStream()) return 'none';
  return options.hasStreamExists() ? 'exists' : Number(options.getStreamPosition());
}

function answered(answer: BatchAppendResp, written: Written, isPlaceless: boolean): BatchAppendResp {
  if ('current' in written) {
    const wrong = new shared.WrongExpectedVersion();
    if (written.current >= 0) wrong.setCurrentStreamRevision(String(written.current));
    else wrong.setCurrentNoStream(new emptyPb.Empty());
    return withDetails(answer, 'WrongExpectedVersion', '', new Uint8Array(wrong.serializeBinary()));
  }
  const success = new streams.BatchAppendResp.Success();
  success.setCurrentRevision(String(written.last.revision));
  if (isPlaceless) success.setNoPosition(new emptyPb.Empty());
  else success.setPosition(placeOf(written.last.position, new shared.AllStreamPosition()));
  return answer.setSuccess(success);
}

function withDetails(answer: BatchAppendResp, type: string | null, message: string, bytes = new Uint8Array(0)) {
  const status = new statusPb.Status();
  status.setMessage(message);
  if (type !== null) {
    const details = new anyPb.Any();
    details.pack(bytes, `event_store.client.${type}`);
    status.setDetails(details);
  }
  return answer.setError(status);
}

const refusedWith = (answer: BatchAppendResp, { type, message }: { type: string | null; message: string }) =>
  withDetails(answer, type, message);

function tooLarge(answer: BatchAppendResp, limit: number): BatchAppendResp {
  const exceeded = new shared.MaximumAppendSizeExceeded();
  exceeded.setMaxappendsize(limit);
  return withDetails(answer, 'MaximumAppendSizeExceeded', '', new Uint8Array(exceeded.serializeBinary()));
}

/** Sets both halves of a position. */
function placeOf<T extends { setCommitPosition(v: string): unknown; setPreparePosition(v: string): unknown }>(
  position: bigint,
  into: T,
): T {
  into.setCommitPosition(String(position));
  into.setPreparePosition(String(position));
  return into;
}

const checkpointAt = (position: bigint): ReadResp =>
  new streams.ReadResp().setCheckpoint(placeOf(position, new streams.ReadResp.Checkpoint()));

function eventMessage(event: StoredEvent): Buffer {
  const made = sendable.get(event);
  if (made !== undefined) return made;
  const recorded = placeOf(event.position, new streams.ReadResp.ReadEvent.RecordedEvent());
  recorded.setId(new shared.UUID().setString(event.id));
  recorded.setStreamIdentifier(new shared.StreamIdentifier().setStreamName(Buffer.from(event.stream)));
  recorded.setStreamRevision(String(event.revision));
  recorded.getMetadataMap().set('type', event.type);
  recorded.getMetadataMap().set('content-type', event.contentType);
  recorded.getMetadataMap().set('created', '621355968000000000');
  recorded.setCustomMetadata(event.customMetadata);
  recorded.setData(event.data);
  const read = new streams.ReadResp.ReadEvent();
  read.setEvent(recorded);
  read.setCommitPosition(String(event.position));
  const bytes = Buffer.from(new streams.ReadResp().setEvent(read).serializeBinary());
  sendable.set(event, bytes);
  return bytes;
}

function filterOf(options: ReadReq.Options): (event: StoredEvent) => boolean {
  const filter = options.getFilter();
  if (filter === undefined) return () => true;
  const byType = filter.getEventType();
  const expression = byType ?? filter.getStreamIdentifier()!;
  const prefixes = expression.getPrefixList();
  const regex = expression.getRegex() === '' ? null : new RegExp(expression.getRegex());
  return (event) => {
    const text = byType ? event.type : event.stream;
    return regex ? regex.test(text) : prefixes.some((prefix) => text.startsWith(prefix));
  };
}
