/** Support of tests that need a house with something in it: journeys of a fault, of seven customers, with personal notes. */
export const repairFact = (journey: number, step: number) => ({
  specversion: '1.0',
  id: `${journey}-${step}`,
  source: '/field',
  type: 'touchpoint.recorded',
  time: new Date(Date.UTC(2024, 0, 1) + journey * 60_000 + step * 1_800_000).toISOString(),
  data: {
    journey: { type: 'fault-repair', key: `J-${journey}` },
    kind: ['contact.call-received', 'crew.arrived', 'crew.repaired'][step],
    customer: { type: 'phone', value: String(13_900_000_000 + (journey % 7)) },
    personal: { note: `About ${journey}` },
  },
});
