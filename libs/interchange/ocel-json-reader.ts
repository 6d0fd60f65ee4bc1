import { inexactAsTexts } from './exact-numbers.js';
import { JsonFault, JsonSections, type JsonElement } from './json-sections.js';
import { malformed, notOcel, tooMuch } from './ocel-errors.js';
import type { OcelStager } from './ocel-stager.js';
import type { Side } from './ocel-store.js';
import { valueOf } from './ocel-values.js';
import { OCEL_LIMITS, OCEL_TYPES, type OcelType } from './ocel.js';
import { put, type Json, type JsonObject } from './xes-value.js';

const SECTIONS: readonly string[] = ['objectTypes', 'eventTypes', 'objects', 'events'];

/** Declared types of attributes, by the name of the event or object type. */
type Declared = Map<string, Map<string, OcelType>>;

/**
 * Reads an OCEL 2.0 log in JSON, element by element. Types may be declared after what has them: values of JSON have
 * types of their own, and only texts that stand for something else need the declaration.
 * @throws OCEL_NOT_A_LOG, OCEL_MALFORMED, OCEL_LIMIT_EXCEEDED and those of the stager
 */
export async function stageOcelJson(
  content: AsyncIterable<Buffer>,
  stager: OcelStager,
  most = OCEL_LIMITS.elementLength,
): Promise<void> {
  const reading = new Reading(stager);
  const sections = new JsonSections(most);
  const decoder = new TextDecoder('utf-8', { fatal: true });
  try {
    for await (const bytes of content) {
      for (const element of sections.feed(decoder.decode(bytes, { stream: true }))) await reading.element(element);
    }
    sections.feed(decoder.decode());
    sections.finish();
  } catch (error) {
    throw inOurWords(error, most);
  }
  if (!sections.lists.has('events') && !sections.lists.has('objects')) {
    throw notOcel('It has neither a list "events" nor a list "objects".');
  }
}

class Reading {
  private readonly declared = { eventTypes: new Map(), objectTypes: new Map() } as Record<string, Declared>;

  constructor(private readonly stager: OcelStager) {}

  async element({ section, text }: JsonElement): Promise<void> {
    if (!SECTIONS.includes(section)) {
      this.stager.passBy(`element of the list "${section.slice(0, 100)}"`);
      return;
    }
    const value = elementOf(section, text);
    switch (section) {
      case 'events':
        return this.event(value);
      case 'objects':
        return this.object(value);
      default:
        return this.declare(section === 'eventTypes' ? 'event' : 'object', value);
    }
  }

  private async event({ id, type, time, attributes, relationships }: JsonObject): Promise<void> {
    const types = this.declared['eventTypes']!.get(String(type));
    const values: JsonObject = {};
    for (const { name, value } of objectsIn(attributes)) {
      if (typeof name === 'string' && value !== undefined) put(values, name, valueOf(value, types?.get(name)));
      else this.stager.passBy('attribute of an event without a name or a value');
    }
    await this.stager.event(id, type, typeof time === 'string' ? time : null, values);
    for (const { objectId, qualifier } of objectsIn(relationships)) await this.stager.relation(id, objectId, qualifier);
  }

  private async object({ id, type, attributes, relationships }: JsonObject): Promise<void> {
    await this.stager.object(id, type);
    const types = this.declared['objectTypes']!.get(String(type));
    for (const { name, time, value } of objectsIn(attributes)) {
      if (typeof name !== 'string' || value === undefined) {
        this.stager.passBy('attribute of an object without a name or a value');
        continue;
      }
      const values: JsonObject = {};
      put(values, name, valueOf(value, types?.get(name)));
      await this.stager.values(id, String(type), typeof time === 'string' ? time : null, values);
    }
    for (const { objectId, qualifier } of objectsIn(relationships)) await this.stager.link(id, objectId, qualifier);
  }

  private declare(side: Side, { name, attributes }: JsonObject): Promise<void> {
    const into = this.declared[`${side}Types`]!;
    if (typeof name !== 'string') throw malformed('a type has no name');
    const types = new Map<string, OcelType>();
    for (const { name: attribute, type } of objectsIn(attributes)) {
      const known = OCEL_TYPES.find((one) => one === type);
      if (typeof attribute === 'string' && known) types.set(attribute, known);
    }
    if (into.size >= OCEL_LIMITS.types) throw tooMuch('types', OCEL_LIMITS.types);
    into.set(name, types);
    this.stager.declare(side, name);
    return Promise.resolve();
  }
}

function elementOf(section: string, text: string): JsonObject {
  let value: Json;
  try {
    // As a database's: what has more digits than are kept stays as it is written.
    value = JSON.parse(inexactAsTexts(text)) as Json;
  } catch (error) {
    throw malformed(`an element of "${section}" is no JSON (${(error as Error).message.slice(0, 100)})`, error);
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw malformed(`an element of "${section}" is no object`);
  }
  return value;
}

/** The objects of a list; what is no list has none. */
const objectsIn = (list: Json | undefined): JsonObject[] =>
  Array.isArray(list)
    ? list.filter((item): item is JsonObject => item !== null && typeof item === 'object' && !Array.isArray(item))
    : [];

function inOurWords(error: unknown, most: number): unknown {
  if (error instanceof JsonFault) {
    return error.code === 'too-long' ? tooMuch('characters in one element', most) : malformed(error.message, error);
  }
  if ((error as { code?: unknown }).code === 'ERR_ENCODING_INVALID_ENCODED_DATA') {
    return malformed('it is not in UTF-8', error);
  }
  return error;
}
