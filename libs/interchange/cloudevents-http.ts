/** The HTTP binding of CloudEvents 1.0: which form a request has, and what a binary one says. No I/O. */
import { TouchstoneError } from '@touchstone/eventing';
import { parseJson, withoutBlanks, withoutMark } from './json-text.js';

/** `binary`: attributes in headers; `structured`: one event in JSON; `batch`: an array of them; `lines`: one a line. */
export type CloudEventForm = 'binary' | 'structured' | 'batch' | 'lines';

/** Headers with every value that was sent, as Node's `headersDistinct`. */
export type Headers = Readonly<Record<string, readonly string[] | undefined>>;

const PREFIX = 'ce-';
const JSON_TYPE = /^application\/([\w.-]+\+)?json$/;
/** These stand in the body and its content type, and nowhere else. */
const NO_HEADERS = new Set(['data', 'data_base64', 'datacontenttype']);

/**
 * The form of a request. A content type of CloudEvents says it; else a `ce-` header does; plain JSON without one is a
 * structured event.
 * @throws CONTENT_TYPE_UNKNOWN, CHARSET_UNKNOWN
 */
export function formOf(headers: Headers): CloudEventForm {
  const contentType = headers['content-type']?.[0];
  const [type = '', ...parameters] = (contentType ?? '').split(';').map((part) => part.trim().toLowerCase());
  for (const parameter of parameters) {
    const [, charset] = /^charset\s*=\s*"?([^"]*)"?$/.exec(parameter) ?? [];
    if (charset !== undefined && charset !== 'utf-8' && charset !== 'utf8') throw unknownCharset(charset);
  }
  switch (type) {
    case 'application/cloudevents+json':
      return 'structured';
    case 'application/cloudevents-batch+json':
      return 'batch';
    case 'application/x-ndjson':
      return 'lines';
  }
  const isBinary = Object.keys(headers).some((name) => name.startsWith(PREFIX));
  if (type.startsWith('application/cloudevents') || (type !== '' && !JSON_TYPE.test(type))) throw unknownType();
  if (isBinary) return 'binary';
  if (type === '') throw unknownType();
  return 'structured';
}

/** An event in binary form as the text of a structured one, so that both are read, kept and mended alike. */
export interface BinaryEvent {
  readonly text: string;
  /** What is wrong with its headers. */
  readonly fault?: string;
}

/**
 * Gathers an event from its `ce-` headers and its body, which is its data. Header values are percent-encoded UTF-8;
 * older senders quote them. A header that is none of an attribute stands in the text under its whole name, so that whoever
 * mends the event sees what it said.
 * @throws INVALID_JSON when the body is neither empty nor JSON
 */
export function binaryEvent(headers: Headers, body: string): BinaryEvent {
  const attributes: [string, unknown][] = [];
  let fault: string | undefined;
  for (const [header, values = []] of Object.entries(headers)) {
    if (!header.startsWith(PREFIX)) continue;
    const read = attributeOf(header, values);
    if ('fault' in read) {
      fault ??= read.fault;
      attributes.push([header, values.length === 1 ? values[0] : values]);
    } else attributes.push([header.slice(PREFIX.length), read.value]);
  }
  // The content type is the one of the data, and carries no other news: `formOf` took nothing but JSON.
  const members = attributes.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`);
  const data = withoutBlanks(withoutMark(body));
  if (data !== '') {
    const parsed = parseJson(data);
    if ('code' in parsed && parsed.code === 'INVALID_JSON') throw noJson();
    members.push(`"data":${data}`);
  }
  return { text: `{${members.join(',')}}`, fault };
}

function attributeOf(header: string, values: readonly string[]): { value: string } | { fault: string } {
  const name = header.slice(PREFIX.length);
  if (NO_HEADERS.has(name)) {
    return { fault: `The header ${header} has no place: data is the body, with its content type.` };
  }
  if (!/^[a-z0-9]+$/.test(name)) return { fault: `The header ${header} names no attribute: use letters and digits.` };
  if (values.length > 1) return { fault: `The header ${header} came ${values.length} times.` };
  const value = decoded(values[0]!);
  return value === null ? { fault: `The header ${header} is not percent-encoded UTF-8.` } : { value };
}

/** One round of percent-decoding, after the quotes of older senders; null where that is impossible. */
function decoded(value: string): string | null {
  const quoted = /^"(.*)"$/s.exec(value)?.[1];
  const text = quoted === undefined ? value : quoted.replace(/\\(.)/gs, '$1');
  // Bytes beyond ASCII have no meaning in a header.
  if (/[^\x20-\x7e]/.test(text)) return null;
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

const noJson = (): TouchstoneError =>
  new TouchstoneError('INVALID_JSON', 'The body is not JSON: send the data of the event as JSON.', 'invalid');

const unknownCharset = (charset: string): TouchstoneError =>
  new TouchstoneError('CHARSET_UNKNOWN', `The charset ${charset} is not understood here: send UTF-8.`, 'invalid');

const unknownType = (): TouchstoneError =>
  new TouchstoneError(
    'CONTENT_TYPE_UNKNOWN',
    'Send application/cloudevents+json for one event, application/cloudevents-batch+json for several, ' +
      'application/x-ndjson for one event a line, or ce- headers with application/json.',
    'invalid',
  );
