import { TouchstoneError } from '@touchstone/eventing';

/** Bytes of the headers of one part. */
const LONGEST_HEAD = 16 * 1024;

/** A part of a form. Its content is read before the next part is asked for; what is left of it then is passed over. */
export interface FormPart {
  readonly name: string;
  readonly content: AsyncIterable<Buffer>;
}

/**
 * The parts of a `multipart/form-data` body (RFC 7578) as a stream: no part is held in memory, and the consumer sets
 * the pace.
 * @throws FORM_INVALID; errors of the body itself pass through
 */
export async function* formParts(body: AsyncIterable<Uint8Array>, contentType: string): AsyncGenerator<FormPart> {
  const boundary = /;\s*boundary=(?:"([^"\r\n]{1,70})"|([^\s;"]{1,70}))/i.exec(contentType);
  if (!boundary) throw invalid('Its content type names no boundary.');
  const reader = new PartReader(body[Symbol.asyncIterator](), Buffer.from(`\r\n--${boundary[1] ?? boundary[2]}`));
  try {
    // The first boundary may stand at the very beginning.
    await reader.passOver();
    while (await reader.hasNext()) {
      const head = await reader.head();
      yield { name: nameOf(head), content: reader.content() };
      await reader.passOver();
    }
  } finally {
    await reader.close();
  }
}

class PartReader {
  private held: Buffer = Buffer.from('\r\n');
  private atBoundary = false;

  constructor(
    private readonly source: AsyncIterator<Uint8Array>,
    private readonly boundary: Buffer,
  ) {}

  /** Bytes up to the next boundary. */
  async *content(): AsyncGenerator<Buffer> {
    for (;;) {
      const end = this.held.indexOf(this.boundary);
      const safe = end === -1 ? this.held.length - this.boundary.length + 1 : end;
      if (safe > 0) {
        const bytes = this.held.subarray(0, safe);
        this.held = this.held.subarray(safe);
        yield bytes;
      }
      if (end === -1) {
        await this.more();
        continue;
      }
      this.held = this.held.subarray(this.boundary.length);
      this.atBoundary = true;
      return;
    }
  }

  /** Goes on to the next boundary, unless it is there. */
  async passOver(): Promise<void> {
    if (this.atBoundary) return;
    const rest = this.content();
    while (!(await rest.next()).done);
  }

  /** After a boundary: whether another part follows. */
  async hasNext(): Promise<boolean> {
    while (this.held.length < 2) await this.more();
    return this.held[0] !== 0x2d || this.held[1] !== 0x2d;
  }

  async head(): Promise<string> {
    for (;;) {
      const end = this.held.indexOf('\r\n\r\n');
      if (end !== -1 && end <= LONGEST_HEAD) {
        const head = this.held.subarray(0, end).toString('utf8');
        this.held = this.held.subarray(end + 4);
        this.atBoundary = false;
        return head;
      }
      if (this.held.length > LONGEST_HEAD) throw invalid('The head of a part is too long.');
      await this.more();
    }
  }

  async close(): Promise<void> {
    await this.source.return?.();
  }

  private async more(): Promise<void> {
    const { done, value } = await this.source.next();
    if (done) throw invalid('It ends before its last boundary.');
    this.held = Buffer.concat([this.held, value]);
  }
}

function nameOf(head: string): string {
  const name = /^content-disposition:\s*form-data\s*;.*?\bname="([^"]*)"/im.exec(head)?.[1];
  if (name === undefined) throw invalid('A part of it has no name.');
  return name;
}

const invalid = (what: string): TouchstoneError =>
  new TouchstoneError('FORM_INVALID', `The body is no multipart/form-data that can be read. ${what}`, 'invalid');
