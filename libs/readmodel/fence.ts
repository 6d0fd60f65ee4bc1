import { postgresAddress, TouchstoneError } from '@touchstone/eventing/pure';

/**
 * The SQL that a writing transaction runs first, under READ COMMITTED: it fails with SQLSTATE TS001 (`leaseLostIn`) unless the
 * epoch is the current one, and from then to the transaction's end nobody else can become the holder.
 */
export function fence(schema: string, name: string, epoch: number): string {
  if (!/^[a-z0-9:_-]+$/.test(name) || !Number.isSafeInteger(epoch)) {
    throw new TouchstoneError('LEASE_NAME_INVALID', `"${name}" is no name of a lease.`, 'internal');
  }
  return `select ${schema}.fence('${name}', ${epoch})`;
}

/** The address for who writes there under a lease: what is opened with it is to begin each transaction with `fenceAt`. */
export function underLease(url: string, { name, epoch }: { readonly name: string; readonly epoch: number }): string {
  const address = new URL(url);
  address.searchParams.set('lease', name);
  address.searchParams.set('epoch', String(epoch));
  // Leases stand in the schema of the whole, whichever schema the address is made to name later.
  address.searchParams.set('leases', postgresAddress(url).schema);
  return address.href;
}

/** What a transaction at an address begins with; null: nobody has a lease to write there. */
export function fenceAt(url: string): string | null {
  const { searchParams } = new URL(url);
  const [lease, epoch, schema] = ['lease', 'epoch', 'leases'].map((name) => searchParams.get(name));
  return lease != null && epoch != null && schema != null ? fence(schema, lease, Number(epoch)) : null;
}
