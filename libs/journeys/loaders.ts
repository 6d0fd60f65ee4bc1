import DataLoader from 'dataloader';

/** The loaders that gather keys just now, by GraphQL context and name. */
const gathering = new WeakMap<object, Map<string, DataLoader<string, unknown>>>();

/**
 * The loader of this name: what one request asks for one by one is read at once. It goes when it begins to read, so
 * that a context that lives on (that of a subscription) keeps no answers.
 */
export function loaderOf<V>(
  context: object,
  name: string,
  load: (keys: readonly string[]) => Promise<readonly V[]>,
): DataLoader<string, V> {
  let own = gathering.get(context);
  if (!own) gathering.set(context, (own = new Map()));
  let loader = own.get(name);
  if (!loader) {
    const read = (keys: readonly string[]) => {
      if (own.get(name) === loader) own.delete(name);
      return load(keys);
    };
    own.set(name, (loader = new DataLoader<string, unknown>(read, { maxBatchSize: 500 })));
  }
  return loader as DataLoader<string, V>;
}
