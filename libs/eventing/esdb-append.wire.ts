import shared from '@eventstore/db-client/generated/shared_pb.js';
import type { UUID } from '@eventstore/db-client/generated/shared_pb.js';
import type { Status } from '@eventstore/db-client/generated/status_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import type { BatchAppendReq, BatchAppendResp } from '@eventstore/db-client/generated/streams_pb.js';
import type { TouchstoneError } from './errors.js';
import type { Appended, ExpectedRevision } from './event-log.js';
import { wrongRevision, type PreparedEvent } from './log-input.js';
import { envelopeOf } from './esdb-envelope.js';
import { appendTooLarge, denied, failed, serverBusy, streamDeleted, unavailable } from './esdb-errors.js';
import { toPosition } from './esdb-position.js';

/** One append in the server's own form, made once and sent as often as it takes. */
export interface EncodedAppend {
  readonly stream: string;
  readonly expected: ExpectedRevision;
  readonly parts: readonly BatchAppendReq.ProposedMessage[][];
}

/** What the server says in place of a position when it has none to give. */
export interface Settled {
  readonly revision: number;
  readonly position: Appended['position'] | null;
}

/** A message to the server stays well below what gRPC takes at once (4 MB). */
const PART_BYTES = 1_500_000;

/** Encodes the events of an append; what is too long for one message goes in several. */
export function encodeAppend(
  stream: string,
  expected: ExpectedRevision,
  events: readonly PreparedEvent[],
): EncodedAppend {
  const parts: BatchAppendReq.ProposedMessage[][] = [[]];
  let size = 0;
  for (const event of events) {
    const { message, bytes } = encodeEvent(event);
    if (size > 0 && size + bytes > PART_BYTES) {
      parts.push([]);
      size = 0;
    }
    size += bytes;
    parts.at(-1)!.push(message);
  }
  return { stream, expected, parts };
}

function encodeEvent(event: PreparedEvent): { message: BatchAppendReq.ProposedMessage; bytes: number } {
  const message = new streams.BatchAppendReq.ProposedMessage();
  const id = new shared.UUID();
  id.setString(event.id);
  message.setId(id);
  const data = Buffer.from(event.data);
  const envelope = Buffer.from(envelopeOf(event));
  const map = message.getMetadataMap();
  map.set('type', event.type);
  map.set('content-type', 'application/json');
  message.setData(data);
  message.setCustomMetadata(envelope);
  return { message, bytes: data.length + envelope.length };
}

/** The messages of one attempt, under an id that only this attempt has. */
export function* requestsOf({ stream, expected, parts }: EncodedAppend, correlation: UUID): Generator<BatchAppendReq> {
  for (const [i, part] of parts.entries()) {
    const request = new streams.BatchAppendReq();
    request.setCorrelationId(correlation);
    // No deadline: it would be a moment by our clock, judged by the server's.
    if (i === 0) request.setOptions(optionsOf(stream, expected));
    request.setProposedMessagesList(part);
    request.setIsFinal(i === parts.length - 1);
    yield request;
  }
}

function optionsOf(stream: string, expected: ExpectedRevision): BatchAppendReq.Options {
  const options = new streams.BatchAppendReq.Options();
  const identifier = new shared.StreamIdentifier();
  identifier.setStreamName(Buffer.from(stream));
  options.setStreamIdentifier(identifier);
  if (expected === 'any') options.setAny(new shared.Empty() as never);
  else if (expected === 'none') options.setNoStream(new shared.Empty() as never);
  else if (expected === 'exists') options.setStreamExists(new shared.Empty() as never);
  else options.setStreamPosition(String(expected));
  return options;
}

/** A number as the id of an attempt. */
export function correlationOf(attempt: number): UUID {
  const bits = new shared.UUID.Structured();
  bits.setMostSignificantBits('1');
  bits.setLeastSignificantBits(String(attempt));
  const id = new shared.UUID();
  id.setStructured(bits);
  return id;
}

/** The attempt that an answer belongs to. */
export const attemptOf = (answer: BatchAppendResp): number =>
  Number(answer.getCorrelationId()?.getStructured()?.getLeastSignificantBits() ?? NaN);

/** What the server answered: where the last event stands, or why not. */
export function settledFrom(answer: BatchAppendResp, append: EncodedAppend): Settled | TouchstoneError {
  const success = answer.getSuccess();
  if (success === undefined) return refusalFrom(answer.getError(), append);
  const place = success.getPosition();
  return {
    revision: Number(success.getCurrentRevision()),
    position:
      place === undefined
        ? null
        : toPosition({ commit: BigInt(place.getCommitPosition()), prepare: BigInt(place.getPreparePosition()) }),
  };
}

/** Refusals on this way have a type name and often neither message nor code. */
function refusalFrom(status: Status | undefined, { stream, expected }: EncodedAppend): TouchstoneError {
  const doing = `appending to ${stream}`;
  const details = status?.getDetails();
  const type = details?.getTypeName().split('.').at(-1);
  switch (type) {
    case 'WrongExpectedVersion': {
      const wrong = shared.WrongExpectedVersion.deserializeBinary(details!.getValue_asU8());
      const actual = wrong.hasCurrentStreamRevision() ? Number(wrong.getCurrentStreamRevision()) : -1;
      return wrongRevision(stream, expected, actual, isPast(expected, actual) ? 'other events stand there' : undefined);
    }
    case 'MaximumAppendSizeExceeded': {
      const { maxappendsize } = shared.MaximumAppendSizeExceeded.deserializeBinary(details!.getValue_asU8()).toObject();
      return appendTooLarge(stream, maxappendsize);
    }
    case 'StreamDeleted':
      return streamDeleted(doing);
    case 'AccessDenied':
      return denied(doing);
    case 'Timeout':
      return unavailable(doing, 'the server itself ran out of time');
    default:
      return unclear(doing, status?.getMessage() || type || 'no reason given');
  }
}

function unclear(doing: string, message: string): TouchstoneError {
  if (/busy/i.test(message)) return serverBusy(doing);
  // A node that is still starting, or has just lost its leader, or gave up for a reason of its own.
  if (/not ready|no leader|unknown/i.test(message)) return unavailable(doing, message);
  return failed(doing, message);
}

const isPast = (expected: ExpectedRevision, actual: number): boolean =>
  typeof expected === 'number' && expected < actual;
