/** The keyed hash of a vault: nobody without its secret can try out which value it is of. */
export type KeyedHash = (type: string, value: string) => string;

/**
 * What stands in ids for the name of a case that is personal, such as a phone number. An id made of the name itself could
 * be found by trying all numbers; this one is the same whenever the case comes again to the same house, and to no other.
 */
export const hiddenName = (
  hash: KeyedHash,
  { source, journeyType }: { readonly source: string; readonly journeyType: string },
  name: string,
): string => hash(JSON.stringify(['case', source, journeyType]), name);
