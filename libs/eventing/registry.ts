import type { EventDescription } from './event-definition.js';
import type { RecordedEvent } from './envelope.js';
import { TouchstoneError } from './errors.js';

/** Every event type the product knows. Reading lifts older versions to today's shape. */
export class EventRegistry {
  private readonly definitions = new Map<string, EventDescription>();

  constructor(definitions: readonly EventDescription[]) {
    for (const definition of definitions) {
      if (this.definitions.has(definition.type)) {
        throw new TouchstoneError(
          'EVENT_TYPE_TWICE',
          `The event type ${definition.type} is defined twice; rename one.`,
          'internal',
        );
      }
      this.definitions.set(definition.type, definition);
    }
  }

  get types(): readonly string[] {
    return [...this.definitions.keys()];
  }

  /** @throws EVENT_TYPE_UNKNOWN */
  definition(type: string): EventDescription {
    const found = this.definitions.get(type);
    if (!found) {
      throw new TouchstoneError(
        'EVENT_TYPE_UNKNOWN',
        `No event type "${type}" is known here; a newer Touchstone may have written it.`,
        'invalid',
      );
    }
    return found;
  }

  /**
   * The event in today's shape, checked.
   * @throws EVENT_TYPE_UNKNOWN, EVENT_VERSION_UNKNOWN, EVENT_UNREADABLE: a projection parks such an event
   */
  readonly read = (recorded: RecordedEvent): RecordedEvent => {
    const definition = this.definition(recorded.type);
    let { data, schemaVersion } = recorded;
    if (schemaVersion > definition.schemaVersion) {
      throw new TouchstoneError(
        'EVENT_VERSION_UNKNOWN',
        `${recorded.type} version ${schemaVersion} is newer than version ${definition.schemaVersion}, the newest known here; upgrade Touchstone.`,
        'invalid',
      );
    }
    for (; schemaVersion < definition.schemaVersion; schemaVersion++) {
      const upcast = definition.upcasters[schemaVersion];
      if (!upcast) {
        throw new TouchstoneError(
          'EVENT_VERSION_UNKNOWN',
          `${recorded.type} version ${schemaVersion} has no upcaster.`,
          'invalid',
        );
      }
      data = upcast(data as never);
    }
    const fault = definition.storedFault(data);
    if (fault) {
      throw new TouchstoneError(
        'EVENT_UNREADABLE',
        `${recorded.type} ${recorded.id} does not have its shape: ${fault}.`,
        'invalid',
      );
    }
    return data === recorded.data ? recorded : { ...recorded, data, schemaVersion };
  };
}
