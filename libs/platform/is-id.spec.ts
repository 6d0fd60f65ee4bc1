import { IsOptional } from 'class-validator';
import { inputValidation, NullIsAbsent } from './input-validation.js';
import { IsId } from './is-id.js';

class Input {
  @IsId()
  id!: string;

  @IsOptional()
  @NullIsAbsent()
  @IsId()
  other?: string;
}
const check = (value: object) => inputValidation().transform(value, { type: 'body', metatype: Input });

describe('IsId', () => {
  const id = '0190a1b2-0000-7000-8000-00000000abcd';

  it('takes an id in capitals for the same id', async () => {
    expect(await check({ id: id.toUpperCase() })).toEqual({ id });
    expect(await check({ id, other: id.toUpperCase() })).toEqual({ id, other: id });
  });

  it('leaves what is absent absent', async () => {
    expect(await check({ id, other: null })).toEqual({ id });
  });

  it.each([['T-17'], [''], [7], [null], [[id]]])('refuses %j', async (value) => {
    await expect(check({ id: value })).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      details: { faults: [{ path: 'id', message: 'id must be a UUID' }] },
    });
  });
});
