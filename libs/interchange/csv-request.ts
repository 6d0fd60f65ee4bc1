import { Readable } from 'node:stream';
import { TouchstoneError } from '@touchstone/eventing';
import type { FastifyRequest } from 'fastify';
import { formParts, type FormPart } from './form-parts.js';
import { bodyOf } from './request-body.js';

/** Bytes of a mapping; its reader has a bound of its own below this. */
const LARGEST_MAPPING = 1024 * 1024;

/** A table and how it is to be read, as a request brings them. */
export interface TableRequest {
  readonly mapping: string;
  readonly file: AsyncIterable<Uint8Array>;
  /** Call it when nothing is read any more. */
  done(): Promise<void>;
}

/**
 * The mapping and the file of a request: the parts of a form, or the file alone with its mapping beside it.
 * @throws CONTENT_TYPE_UNKNOWN, MAPPING_MISSING, MAPPING_INVALID, FORM_INVALID, FOREIGN_PAGE, CLIENT_GONE
 */
export async function tableOf(request: FastifyRequest, inQuery: string | undefined): Promise<TableRequest> {
  const { body, headers } = request;
  if (!(body instanceof Readable)) {
    const message =
      'Send a form with the parts "mapping" and "file", or the file itself as text/csv or application/gzip.';
    throw new TouchstoneError('CONTENT_TYPE_UNKNOWN', message, 'invalid');
  }
  const type = headers['content-type'] ?? '';
  if (/^multipart\/form-data/i.test(type)) {
    assertNoForeignPage(request);
    return fromForm(formParts(bodyOf(body), type));
  }
  const inHeader = headers['x-import-mapping'];
  const mapping = inQuery ?? (typeof inHeader === 'string' ? decoded(inHeader) : undefined);
  if (mapping === undefined) throw missing();
  return { mapping, file: bodyOf(body), done: () => Promise.resolve() };
}

async function fromForm(parts: AsyncGenerator<FormPart>): Promise<TableRequest> {
  try {
    const first = await parts.next();
    if (first.done || first.value.name !== 'mapping') throw missing();
    const mapping = await textOf(first.value.content);
    const second = await parts.next();
    if (second.done || second.value.name !== 'file') {
      throw new TouchstoneError('FORM_INVALID', 'After the part "mapping" the form needs the part "file".', 'invalid');
    }
    return { mapping, file: second.value.content, done: () => parts.return(undefined).then(() => undefined) };
  } catch (error) {
    await parts.return(undefined);
    throw error;
  }
}

async function textOf(content: AsyncIterable<Buffer>): Promise<string> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of content) {
    length += piece.length;
    if (length > LARGEST_MAPPING) throw new TouchstoneError('MAPPING_INVALID', 'The mapping is too large.', 'invalid');
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

/** A browser lets any page send a form anywhere without asking first, as it would for every other content type. */
function assertNoForeignPage({ headers: { origin, host } }: FastifyRequest): void {
  if (origin === undefined || (URL.canParse(origin) && new URL(origin).host === host)) return;
  throw new TouchstoneError('FOREIGN_PAGE', 'A page of another site cannot send files here.', 'refused');
}

function decoded(header: string): string {
  try {
    return decodeURIComponent(header);
  } catch {
    throw new TouchstoneError('MAPPING_INVALID', 'The header x-import-mapping must be percent-encoded.', 'invalid');
  }
}

const missing = (): TouchstoneError =>
  new TouchstoneError(
    'MAPPING_MISSING',
    'Say how the table is to be read: a mapping as first part of a form ("mapping", then "file"), as parameter "mapping" or in the header x-import-mapping.',
    'invalid',
  );
