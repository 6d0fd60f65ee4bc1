/** Merged customers: who stands for whom. */

/**
 * The customer that a chain of merges ends in. Two processes may have closed a circle at once: then the one whose id
 * is smallest stands for all of it.
 *
 * @param into whom a customer was merged into, null for nobody
 */
export function rootOf(
  customer: number,
  into: (customer: number) => number | null,
  nameOf: (customer: number) => string,
): number {
  const chain = [customer];
  for (let next = into(customer); next !== null; next = into(next)) {
    const at = chain.indexOf(next);
    if (at !== -1) return chain.slice(at).reduce((least, each) => (nameOf(each) < nameOf(least) ? each : least));
    chain.push(next);
  }
  return chain.at(-1)!;
}
