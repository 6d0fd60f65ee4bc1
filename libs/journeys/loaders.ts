import DataLoader from 'dataloader';

/** The data loaders of one request, by name; they live as long as its GraphQL context. */
const loaders = new WeakMap<object, Map<string, DataLoader<string, unknown>>>();

/** The request's loader of this name: what one request asks for one by one is read at once. */
export function loaderOf<V>(
  context: object,
  name: string,
  load: (keys: readonly string[]) => Promise<readonly V[]>,
): DataLoader<string, V> {
  let own = loaders.get(context);
  if (!own) loaders.set(context, (own = new Map()));
  let loader = own.get(name);
  if (!loader) own.set(name, (loader = new DataLoader<string, unknown>(load, { maxBatchSize: 500 })));
  return loader as DataLoader<string, V>;
}
