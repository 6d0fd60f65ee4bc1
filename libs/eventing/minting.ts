import type { DecidedEvent } from './decider.js';
import type { Actor, NewEvent } from './envelope.js';
import { TouchstoneError } from './errors.js';
import { newId } from './ids.js';
import { isInstant } from './instant.js';
import type { EventRegistry } from './registry.js';
import type { Vault } from './vault.js';

/** On whose behalf and in which chain of causes something is decided. */
export interface ActingContext {
  readonly actor: Actor;
  readonly correlationId: string;
  readonly causationId?: string;
}

/** How an event is recorded, besides what was decided. */
export interface Minted {
  /** Part of a historical load: marked, and nothing is sent to the outside for it. */
  readonly historical?: boolean;
  /** `source`: historical loads give their own recorded time (the source's stamp, else `occurredAt`). */
  readonly recordedAt?: 'clock' | 'source';
}

/** Makes decided events ready for a log: checked, stamped with what the decision left open, personal fields sealed. */
export class Minting {
  constructor(
    private readonly registry: EventRegistry,
    private readonly vault: Vault,
  ) {}

  /** @throws EVENT_INVALID, SUBJECT_MISSING, CUSTOMER_FORGOTTEN where nothing but personal data would be recorded */
  stamp(event: DecidedEvent, now: string, context: ActingContext, { historical, recordedAt }: Minted): NewEvent {
    const occurredAt = event.occurredAt ?? now;
    const fault = this.registry.definition(event.type).fault(event.data) ?? this.faultAround(event, occurredAt);
    if (fault) throw new TouchstoneError('EVENT_INVALID', `${event.type} cannot be recorded: ${fault}.`, 'invalid');
    this.checkSubject(event);
    const causationId = event.causationId ?? context.causationId;
    const supplied = recordedAt === 'source' ? (event.source?.recordedAt ?? occurredAt) : now;
    return {
      id: event.id ?? newId(),
      type: event.type,
      schemaVersion: event.schemaVersion,
      occurredAt,
      recordedAt: supplied === now ? now : new Date(supplied).toISOString(),
      data: event.data,
      metadata: {
        correlationId: context.correlationId,
        ...(causationId !== undefined && { causationId }),
        actor: context.actor,
        ...(event.source && { source: event.source }),
        ...(event.policyVersion !== undefined && { policyVersion: event.policyVersion }),
        ...(event.subject !== undefined && { subject: event.subject }),
        ...(historical && { historical: true }),
      },
    };
  }

  /** Makes durable the keys that the events need. */
  async ensureKeys(events: readonly NewEvent[]): Promise<void> {
    const subjects = events.flatMap((event) => (this.personalOf(event) ? [event.metadata.subject!] : []));
    if (subjects.length > 0) await this.vault.ensureKeys([...new Set(subjects)]);
  }

  /**
   * Encrypts the personal fields in place: no readable copy is left. Those of a forgotten subject are not kept at all and
   * read as `forgotten`; what else the event says is recorded.
   */
  seal(event: NewEvent): void {
    const fields = this.personalOf(event);
    if (!fields) return;
    const data = { ...(event.data as Record<string, unknown>) };
    for (const field of fields) data[field] = this.vault.seal(event.metadata.subject!, event.id, field, data[field]);
    (event as { data: unknown }).data = data;
  }

  private checkSubject({ type, data, subject }: DecidedEvent): void {
    const personal = this.personalOf({ type, data });
    if (!personal) return;
    if (subject === undefined) {
      const message = `${type} has personal fields but names no subject.`;
      throw new TouchstoneError('SUBJECT_MISSING', message, 'internal');
    }
    // A fact about them still has its time, kind and unit; a note about them would be an empty shell.
    const nothingElse = personal.length === Object.keys(data as object).length;
    if (!nothingElse || !this.vault.isForgotten(subject)) return;
    const message = subject.startsWith('journey:')
      ? `Somebody whose journey this was is forgotten, and its key with them: it takes no ${type} any more. Where the journey is somebody else's by now, open a new one for them and say it there.`
      : `The customer was forgotten, and ${type} would say nothing but personal data: leave it out.`;
    throw new TouchstoneError('CUSTOMER_FORGOTTEN', message, 'refused');
  }

  private faultAround({ source }: DecidedEvent, occurredAt: string): string | null {
    if (!isInstant(occurredAt)) return `"${occurredAt}" is no instant: give date, time and zone offset`;
    if (source?.recordedAt !== undefined && !isInstant(source.recordedAt)) {
      return `the recorded time of its source, "${source.recordedAt}", is no instant: give date, time and zone offset`;
    }
    return null;
  }

  /** The personal fields that an event has, or null. */
  private personalOf({ type, data }: Pick<NewEvent, 'type' | 'data'>): readonly string[] | null {
    const { personalFields } = this.registry.definition(type);
    if (personalFields.length === 0) return null;
    const present = personalFields.filter((field) => (data as Record<string, unknown>)[field] !== undefined);
    return present.length > 0 ? present : null;
  }
}
