import { Type } from 'class-transformer';
import { IsInt, IsString, Min, ValidateNested } from 'class-validator';
import { AsOfInput } from './as-of.js';
import { inputValidation } from './input-validation.js';

class Inner {
  @IsInt()
  @Min(1)
  count!: number;
}

class Outer {
  @IsString()
  name!: string;

  @ValidateNested({ each: true })
  @Type(() => Inner)
  parts!: Inner[];
}

const check = (metatype: typeof Outer | typeof AsOfInput, value: object) =>
  inputValidation().transform(value, { type: 'body', metatype }) as Promise<object>;

describe('inputValidation', () => {
  it('gives an instance of the input class', async () => {
    const input = await check(Outer, { name: 'a', parts: [{ count: 1 }] });
    expect(input).toBeInstanceOf(Outer);
    expect((input as Outer).parts[0]).toBeInstanceOf(Inner);
  });

  it('names every path at fault', async () => {
    await expect(check(Outer, { name: 3, parts: [{ count: 1 }, { count: 0 }] })).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      kind: 'invalid',
      details: {
        faults: [
          { path: 'name', message: 'name must be a string' },
          { path: 'parts.1.count', message: 'count must not be less than 1' },
        ],
      },
    });
  });

  it('refuses a field that nobody validates', async () => {
    await expect(check(Outer, { name: 'a', parts: [], other: 1 })).rejects.toMatchObject({
      details: { faults: [{ path: 'other', message: 'property other should not exist' }] },
    });
  });

  it('lets "as of" through in either form', async () => {
    expect(await check(AsOfInput, { position: '0a' })).toEqual({ position: '0a' });
    expect(await check(AsOfInput, { instant: '2024-05-01T08:00:00Z' })).toEqual({ instant: '2024-05-01T08:00:00Z' });
  });
});
