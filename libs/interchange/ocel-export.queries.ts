import {
  exportObjects,
  exportPage,
  knownObjects,
  type ExportedObject,
  type ExportPage,
  type ExportPageParams,
  type ObjectKey,
} from '@touchstone/journeys/read';
import type { ReadQuery } from '@touchstone/readmodel/query';

export const ocelPageQuery: ReadQuery<ExportPageParams, ExportPage> = {
  name: 'ocelPage',
  group: 'journeys',
  run: (read, params) => exportPage(read, params),
};

/** What is said of objects, in the order of their keys. */
export const ocelObjectsQuery: ReadQuery<{ readonly keys: readonly ObjectKey[] }, ExportedObject[]> = {
  name: 'ocelObjects',
  group: 'journeys',
  run: (read, { keys }) => exportObjects(read, keys),
};

/** Objects of which anything was ever said, page by page. */
export const ocelKnownObjectsQuery: ReadQuery<
  { readonly after: string; readonly first: number },
  { readonly keys: ObjectKey[]; readonly next: string | null }
> = {
  name: 'ocelKnownObjects',
  group: 'journeys',
  run: (read, { after, first }) => knownObjects(read, after, first),
};
