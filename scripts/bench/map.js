/** The whole journey map, by the first who asks a server that has just started. */
export async function mapColdMs(server) {
  const query = `{ journeyMap(maxNodes: 100, maxVariants: 20) {
    exact cases { value } events { value } edges { source target count { value } durations { p50 p99 } } } }`;
  const cold = await server.ask(query);
  const warm = await server.ask(query);
  const { cases, events, edges, exact } = cold.data.journeyMap;
  if (events.value === 0) throw new Error('The map is empty.');
  const counted = { cases: cases.value, touchpoints: events.value, edges: edges.length, exact };
  return { figure: Math.round(cold.ms), details: { ...counted, warmMs: Math.round(warm.ms) } };
}
