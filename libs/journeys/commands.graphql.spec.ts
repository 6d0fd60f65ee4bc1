import 'reflect-metadata';
import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import { HandOverJourneyInput } from './commands.graphql.js';

const refused = (note: unknown) => {
  const journeyId = '0190a1b2-0000-7000-8000-000000000001';
  const input = plainToInstance(HandOverJourneyInput, { journeyId, toUnit: 'crew', customerTold: true, note });
  return validateSync(input).map(({ property }) => property);
};

it('a handover says something in its note, or has none', () => {
  for (const note of ['n', 'n'.repeat(4000), undefined, null]) expect(refused(note)).toEqual([]);
  for (const note of ['', 'n'.repeat(4001), 1]) expect(refused(note)).toEqual(['note']);
});
