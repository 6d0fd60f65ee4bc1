/** An element of a list that stands directly in the outermost object of a JSON file, still as text. */
export interface JsonElement {
  readonly section: string;
  readonly text: string;
}

/** What makes a file no JSON object of lists: `truncated`, or what stands where. */
export class JsonFault extends Error {
  constructor(
    readonly code: 'truncated' | 'unexpected' | 'too-long',
    message: string,
  ) {
    super(message);
  }
}

type State = 'start' | 'key' | 'colon' | 'value' | 'element' | 'between' | 'after' | 'end';

const BLANK = /[\t\n\r ]/;

/**
 * Takes a JSON file apart while it comes in: `feed` gives the elements of its lists that are complete. Only one element
 * is held; what an element is made of is for `JSON.parse` to judge. Values that are no lists are passed by.
 */
export class JsonSections {
  /** Lists that were met, empty ones too. */
  readonly lists = new Set<string>();
  private state: State = 'start';
  private section = '';
  /** Of what is being collected: its text so far, open brackets, and whether a string or an escape is open. */
  private held: string[] = [];
  private heldLength = 0;
  private depth = 0;
  private inString = false;
  private escaped = false;
  private collecting: 'key' | 'element' | 'value' | null = null;

  constructor(private readonly most: number) {}

  feed(text: string): JsonElement[] {
    const found: JsonElement[] = [];
    let at = 0;
    while (at < text.length) {
      if (this.collecting) at = this.collect(text, at, found);
      else at = this.step(text, at);
    }
    return found;
  }

  /** @throws JsonFault when the file is not at its end */
  finish(): void {
    if (this.state !== 'end' || this.collecting) throw new JsonFault('truncated', 'it ends in the middle');
  }

  /** One character between values. */
  private step(text: string, at: number): number {
    const c = text[at]!;
    if (BLANK.test(c) || (this.state === 'start' && c === '\ufeff')) return at + 1;
    switch (this.state) {
      case 'start':
        return this.expect(c, '{', 'key', at);
      case 'key':
        if (c === '}') return this.goTo('end', at + 1);
        if (c !== '"') throw unexpected(c, 'a name');
        return this.begin('key', at);
      case 'colon':
        return this.expect(c, ':', 'value', at);
      case 'value':
        if (c !== '[') return this.begin('value', at);
        this.lists.add(this.section);
        return this.goTo('element', at + 1);
      case 'element':
        if (c === ']') return this.goTo('after', at + 1);
        if (c === ',') throw unexpected(c, `an element of "${this.section}"`);
        return this.begin('element', at);
      case 'between':
        if (c === ']') return this.goTo('after', at + 1);
        return this.expect(c, ',', 'element', at);
      case 'after':
        if (c === '}') return this.goTo('end', at + 1);
        return this.expect(c, ',', 'key', at);
      case 'end':
        throw unexpected(c, 'the end of the file');
    }
  }

  private expect(c: string, wanted: string, next: State, at: number): number {
    if (c !== wanted) throw unexpected(c, `"${wanted}"`);
    return this.goTo(next, at + 1);
  }

  private goTo(state: State, at: number): number {
    this.state = state;
    return at;
  }

  private begin(what: 'key' | 'element' | 'value', at: number): number {
    this.collecting = what;
    this.held = [];
    this.heldLength = 0;
    this.depth = 0;
    this.inString = false;
    this.escaped = false;
    return at;
  }

  /** Goes on to the end of what is being collected, or of the text. */
  private collect(text: string, from: number, found: JsonElement[]): number {
    let at = from;
    for (; at < text.length; at++) {
      const c = text.charCodeAt(at);
      if (this.inString) {
        if (this.escaped) this.escaped = false;
        else if (c === 92) this.escaped = true;
        else if (c === 34) {
          this.inString = false;
          if (this.depth === 0) return this.ended(text, from, at + 1, found);
        }
      } else if (c === 34) {
        this.inString = true;
      } else if (c === 123 || c === 91) {
        this.depth++;
      } else if (c === 125 || c === 93) {
        // The bracket of the list or the object around a bare value is not the value's.
        if (this.depth === 0) return this.ended(text, from, at, found);
        if (--this.depth === 0) return this.ended(text, from, at + 1, found);
      } else if (c === 44 && this.depth === 0) {
        return this.ended(text, from, at, found);
      }
    }
    this.hold(text.slice(from));
    return at;
  }

  private hold(text: string): void {
    this.heldLength += text.length;
    if (this.heldLength > this.most) throw new JsonFault('too-long', `an element of "${this.section}" is too long`);
    this.held.push(text);
  }

  private ended(text: string, from: number, to: number, found: JsonElement[]): number {
    this.hold(text.slice(from, to));
    const whole = this.held.join('');
    const what = this.collecting;
    this.collecting = null;
    if (what === 'key') {
      this.section = parsed(whole) as string;
      this.state = 'colon';
    } else if (what === 'element') {
      found.push({ section: this.section, text: whole });
      this.state = 'between';
    } else {
      parsed(whole);
      this.state = 'after';
    }
    return to;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new JsonFault('unexpected', 'a name or value is no JSON');
  }
}

const unexpected = (c: string, wanted: string): JsonFault =>
  new JsonFault('unexpected', `"${c}" stands where ${wanted} should`);
