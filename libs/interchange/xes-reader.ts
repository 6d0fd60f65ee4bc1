import { setImmediate } from 'node:timers/promises';
import { TouchstoneError } from '@touchstone/eventing';
import { SaxesParser } from 'saxes';
import { contentOf } from './byte-source.js';
import { XesBuilder } from './xes-builder.js';
import { notALog, tooMuch } from './xes-errors.js';
import { XES_LIMITS, type XesLimits, type XesPart } from './xes.js';
import { xmlText } from './xml-encoding.js';

export interface ReadXes {
  readonly limits?: Partial<XesLimits>;
  /** Stops between two pieces with IMPORT_CANCELLED. */
  readonly signal?: AbortSignal;
}

/**
 * Reads an XES log, plain or gzip, as a stream: one trace at a time is held in memory, and the consumer sets the pace.
 * Values stay text, and dates keep their offset. Only what spoils the file as a whole is thrown; what is wrong with a
 * single event is noted on it.
 *
 * `for await (const part of readXes(createReadStream(file))) …`
 *
 * @throws TouchstoneError, kind `invalid`: XES_MALFORMED (details {line, column}), XES_TRUNCATED, XES_NOT_A_LOG,
 *   XES_DOCTYPE, XES_LIMIT_EXCEEDED, XES_ENCODING_UNSUPPORTED, XES_ENCODING_MISMATCH, XES_ENCODING_INVALID,
 *   GZIP_TRUNCATED, GZIP_CORRUPT; IMPORT_CANCELLED (refused)
 */
export async function* readXes(source: AsyncIterable<Uint8Array>, options: ReadXes = {}): AsyncGenerator<XesPart> {
  const limits = { ...XES_LIMITS, ...options.limits };
  const parser = new SaxesParser();
  const builder = new XesBuilder(limits, () => parser.line);
  listen(parser, builder);
  // Characters since the parser last told of anything complete: an endless tag, value or comment is not collected.
  let pending = 0;
  for await (const text of xmlText(counted(contentOf(source), limits.contentBytes))) {
    if (options.signal?.aborted) throw cancelled();
    builder.heard = false;
    feed(parser, text);
    pending = builder.heard ? 0 : pending + text.length;
    if (pending > limits.valueLength) throw tooMuch('characters in one piece', limits.valueLength, parser.line);
    yield* builder.take();
    // A source whose pieces are ready at once would otherwise never let anything else run.
    await setImmediate();
  }
  finish(parser, builder);
  yield* builder.take();
}

/**
 * Six listeners at most: from the seventh on V8 keeps the parser's fields in a dictionary, and it runs at a fifth of
 * its speed. So errors are caught where the parser is fed, and processing instructions are not listened to.
 */
function listen(parser: SaxesParser, builder: XesBuilder): void {
  parser.on('opentag', (tag) => builder.open(tag.name, tag.attributes));
  parser.on('closetag', () => builder.close());
  parser.on('text', (text) => builder.text(text));
  parser.on('cdata', (text) => builder.text(text));
  parser.on('comment', () => builder.passBy('comment', 'comment'));
  parser.on('doctype', (doctype) => {
    if (/^\s*html\b/i.test(doctype)) throw notALog('It is an HTML page.');
    throw new TouchstoneError(
      'XES_DOCTYPE',
      `The file has a document type declaration (line ${parser.line}), which XES does not know and which is not ` +
        'followed: remove it.',
      'invalid',
      { line: parser.line },
    );
  });
}

function feed(parser: SaxesParser, text: string): void {
  try {
    parser.write(text);
  } catch (error) {
    throw error instanceof TouchstoneError ? error : malformed(parser, error as Error);
  }
}

function finish(parser: SaxesParser, builder: XesBuilder): void {
  // The parser would call each open element a fault of its own; what it means is that the end is missing.
  if (builder.depth > 0 || !builder.seenRoot) throw truncated(parser.line);
  try {
    parser.close();
  } catch (error) {
    throw malformed(parser, error as Error);
  }
  builder.end();
}

async function* counted(content: AsyncIterable<Buffer>, most: number): AsyncGenerator<Buffer> {
  let bytes = 0;
  for await (const piece of content) {
    bytes += piece.length;
    if (bytes > most) throw tooMuch('bytes when unpacked', most);
    yield piece;
  }
}

function malformed(parser: SaxesParser, error: Error): TouchstoneError {
  const { line, column } = parser;
  const what = error.message.replace(/^\d+:\d+: /, '').replace(/\.$/, '');
  return new TouchstoneError(
    'XES_MALFORMED',
    `The file is not well-formed XML at line ${line}, column ${column}: ${what}. Export it again.`,
    'invalid',
    { line, column },
    { cause: error },
  );
}

const truncated = (line: number): TouchstoneError =>
  new TouchstoneError(
    'XES_TRUNCATED',
    `The file ends at line ${line} before the log is closed: copy or download it again.`,
    'invalid',
    { line },
  );

const cancelled = (): TouchstoneError =>
  new TouchstoneError('IMPORT_CANCELLED', 'The import was cancelled while the file was read; nothing was appended.');
