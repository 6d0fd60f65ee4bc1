import { notALog, tooMuch } from './xes-errors.js';
import {
  type XesAttribute,
  type XesClassifier,
  type XesEvent,
  type XesLimits,
  type XesLog,
  type XesPart,
  type XesPassedBy,
  type XesTrace,
  type XesType,
} from './xes.js';

/** An open element: what it is decides what may stand inside it. */
type Frame =
  | { readonly kind: 'log' | 'trace' | 'event' | 'global' | 'declaration' | 'unknown' }
  | { readonly kind: 'attribute' | 'values'; readonly attribute: XesAttribute };

const LOG: Frame = { kind: 'log' };
const TRACE: Frame = { kind: 'trace' };
const EVENT: Frame = { kind: 'event' };
const GLOBAL: Frame = { kind: 'global' };
const DECLARATION: Frame = { kind: 'declaration' };
const UNKNOWN: Frame = { kind: 'unknown' };

/** Levels around the attributes of an event: log, trace, event, and the `<values>` of lists. */
const OUTER_LEVELS = 40;

/** Distinct names of passed-by things that are told apart; the rest counts together. */
const NAMES = 1_000;

/** Puts the parts of a log together from the tags of the file. Holds one trace at a time. */
export class XesBuilder {
  /** Whether the parser told of anything since the flag was last lowered. */
  heard = false;
  seenRoot = false;
  private log: XesLog = emptyLog();
  private logGiven = false;
  private trace: XesTrace | undefined;
  private event: XesEvent | undefined;
  private globals: XesAttribute[] = [];
  private readonly frames: Frame[] = [];
  private ready: XesPart[] = [];
  private traces = 0;
  private events = 0;
  private logAttributes = 0;
  private ownAttributes = 0;
  private nesting = 0;
  private traceLength = 0;
  private readonly passed = new Map<string, { what: XesPassedBy['what']; name: string; count: number }>();

  constructor(
    private readonly limits: XesLimits,
    private readonly line: () => number,
  ) {}

  /** Open elements. */
  get depth(): number {
    return this.frames.length;
  }

  /** The parts that are complete since the last call. */
  take(): XesPart[] {
    if (this.ready.length === 0) return this.ready;
    const parts = this.ready;
    this.ready = [];
    return parts;
  }

  open(fullName: string, attributes: Record<string, string>): void {
    this.heard = true;
    if (this.frames.length > this.limits.depth + OUTER_LEVELS) {
      throw tooMuch('levels of nested elements', this.limits.depth + OUTER_LEVELS, this.line());
    }
    const colon = fullName.indexOf(':');
    const name = colon < 0 ? fullName : fullName.slice(colon + 1);
    this.frames.push(this.entered(this.frames[this.frames.length - 1], name, attributes));
  }

  close(): void {
    this.heard = true;
    const frame = this.frames.pop()!;
    switch (frame.kind) {
      case 'attribute':
        this.nesting--;
        return;
      case 'event':
        this.trace!.events.push(this.event!);
        this.event = undefined;
        this.events++;
        return;
      case 'trace':
        this.ready.push({ kind: 'trace', trace: this.trace! });
        this.trace = undefined;
        this.traces++;
        return;
      case 'log':
      case 'global':
      case 'declaration':
      case 'values':
      case 'unknown':
        return;
    }
  }

  text(text: string): void {
    this.heard = true;
    if (!/\S/.test(text)) return;
    const frame = this.frames[this.frames.length - 1];
    if (frame) this.passBy('stray-text', frame.kind);
  }

  passBy(what: XesPassedBy['what'], name: string): void {
    this.heard = true;
    const known = this.passed.get(`${what} ${name}`);
    if (known) {
      known.count++;
      return;
    }
    const shown = this.passed.size < NAMES ? name : 'others';
    const key = `${what} ${shown}`;
    const entry = this.passed.get(key) ?? { what, name: shown, count: 0 };
    entry.count++;
    this.passed.set(key, entry);
  }

  end(): void {
    const late = this.logGiven ? this.log : emptyLog();
    this.giveLog();
    const passedBy = [...this.passed.values()];
    this.ready.push({ kind: 'end', traces: this.traces, events: this.events, late, passedBy });
  }

  /** What is outside the traces goes out before the first of them; what is declared later is collected anew. */
  private giveLog(): void {
    if (this.logGiven) return;
    this.ready.push({ kind: 'log', log: this.log });
    this.log = emptyLog();
    this.logGiven = true;
  }

  private entered(parent: Frame | undefined, name: string, attributes: Record<string, string>): Frame {
    if (!parent) return this.root(name, attributes);
    switch (parent.kind) {
      case 'log':
        return this.inLog(name, attributes);
      case 'trace':
        if (name === 'event') return this.beginEvent();
        return this.attribute('trace', name, attributes, this.trace!.attributes);
      case 'event':
        return this.attribute('event', name, attributes, this.event!.attributes);
      case 'global':
        return this.attribute('global', name, attributes, this.globals);
      case 'attribute': {
        const { attribute } = parent;
        if (name === 'values' && attribute.type === 'list') return { kind: 'values', attribute };
        return this.attribute(attribute.type, name, attributes, (attribute.children ??= []));
      }
      case 'values':
        return this.attribute('values', name, attributes, (parent.attribute.items ??= []));
      case 'declaration':
        return this.unknown('declaration', name);
      case 'unknown':
        return UNKNOWN;
    }
  }

  private root(name: string, attributes: Record<string, string>): Frame {
    if (name !== 'log') throw notALog(`Its outermost element is <${name.slice(0, 100)}>, not <log>.`);
    this.seenRoot = true;
    this.log = { ...emptyLog(), version: attributes['xes.version'] };
    return LOG;
  }

  private inLog(name: string, attributes: Record<string, string>): Frame {
    switch (name) {
      case 'trace':
        this.giveLog();
        this.trace = { line: this.line(), attributes: [], events: [] };
        this.ownAttributes = 0;
        this.traceLength = 0;
        return TRACE;
      case 'extension':
        this.log.extensions.push({
          name: attributes['name'] ?? '',
          prefix: attributes['prefix'] ?? '',
          uri: attributes['uri'] ?? '',
        });
        this.countForLog();
        return DECLARATION;
      case 'classifier':
        this.classifier(attributes);
        this.countForLog();
        return DECLARATION;
      case 'global':
        if (attributes['scope'] === 'trace') this.globals = this.log.globals.trace;
        else this.globals = this.log.globals.event;
        return GLOBAL;
      default:
        return this.attribute('log', name, attributes, this.log.attributes);
    }
  }

  private classifier(attributes: Record<string, string>): void {
    const keys = classifierKeys(attributes['keys'] ?? '');
    if (keys.length === 0) {
      this.passBy('unreadable-declaration', 'classifier without keys');
      return;
    }
    const scope: XesClassifier['scope'] = attributes['scope'] === 'trace' ? 'trace' : 'event';
    this.log.classifiers.push({ name: attributes['name'] ?? '', scope, keys });
  }

  private beginEvent(): Frame {
    if (this.trace!.events.length >= this.limits.traceEvents) {
      throw tooMuch('events in one trace', this.limits.traceEvents, this.line());
    }
    this.event = { line: this.line(), attributes: [], fault: undefined };
    this.ownAttributes = 0;
    return EVENT;
  }

  private attribute(within: string, name: string, attributes: Record<string, string>, into: XesAttribute[]): Frame {
    const type = typeOf(name);
    if (!type) return this.unknown(within, name);
    const { key, value } = attributes;
    this.count(key?.length ?? 0, value?.length ?? 0);
    if (key === undefined || key === '') {
      this.fault('XES_ATTRIBUTE_WITHOUT_KEY', `A ${type} attribute has no key.`);
    } else if (value === undefined && type !== 'list' && type !== 'container') {
      this.fault('XES_ATTRIBUTE_WITHOUT_VALUE', `The ${type} attribute "${key}" has no value.`);
    }
    const attribute: XesAttribute = { type, key: key ?? '', value: value ?? '', children: undefined };
    into.push(attribute);
    return { kind: 'attribute', attribute };
  }

  private count(keyLength: number, valueLength: number): void {
    const { limits } = this;
    if (keyLength > limits.keyLength) throw tooMuch('characters in a key', limits.keyLength, this.line());
    if (valueLength > limits.valueLength) throw tooMuch('characters in a value', limits.valueLength, this.line());
    if (++this.nesting > limits.depth) throw tooMuch('levels of nested attributes', limits.depth, this.line());
    if (!this.trace) {
      this.countForLog();
      return;
    }
    this.traceLength += keyLength + valueLength + 1;
    if (this.traceLength > limits.traceLength) {
      throw tooMuch('characters in one trace', limits.traceLength, this.line());
    }
    if (++this.ownAttributes > limits.attributes) {
      throw tooMuch('attributes in one event or trace', limits.attributes, this.line());
    }
  }

  private countForLog(): void {
    if (++this.logAttributes > this.limits.logAttributes) {
      throw tooMuch('attributes of the log itself', this.limits.logAttributes, this.line());
    }
  }

  /** Noted on the event or the trace; what is wrong outside of both is passed by and counted. */
  private fault(code: string, reason: string): void {
    const owner = this.event ?? this.trace;
    if (owner) owner.fault ??= { code, reason };
    else this.passBy('unreadable-declaration', code);
  }

  private unknown(within: string, name: string): Frame {
    this.passBy('unknown-element', `${within}/${name.slice(0, 100)}`);
    return UNKNOWN;
  }
}

/** A switch, because it is asked for every element: it compares without hashing the text first. */
function typeOf(name: string): XesType | undefined {
  switch (name) {
    case 'string':
    case 'date':
    case 'int':
    case 'float':
    case 'boolean':
    case 'id':
    case 'list':
    case 'container':
      return name;
    default:
      return undefined;
  }
}

const emptyLog = (): XesLog => ({
  extensions: [],
  globals: { trace: [], event: [] },
  classifiers: [],
  attributes: [],
});

/** Keys are parted by blanks; a key with blanks stands in quotes: `concept:name 'resource country'`. */
function classifierKeys(text: string): string[] {
  return [...text.matchAll(/'([^']+)'|"([^"]+)"|([^\s'"]+)/g)].map((m) => (m[1] ?? m[2] ?? m[3])!);
}
