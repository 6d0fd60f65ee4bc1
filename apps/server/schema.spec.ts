import { readFile } from 'node:fs/promises';
import { buildSchema, type GraphQLArgument, isInputObjectType, isObjectType, isSpecifiedScalarType } from 'graphql';
import { asyncApiText, schemaText } from './print-schema.js';

describe('schema.graphql', () => {
  it('is the schema of this server; if not, run `npm run schema` and commit it', async () => {
    const committed = await readFile(new URL('./schema.graphql', import.meta.url), 'utf8');
    expect(committed).toBe(await schemaText());
  });

  it('has beside it the AsyncAPI document of the event feed; if not, run `npm run schema` and commit it', async () => {
    const committed = await readFile(new URL('./asyncapi.json', import.meta.url), 'utf8');
    expect(committed).toBe(await asyncApiText());
  });

  it('describes every type, field and argument', async () => {
    const schema = buildSchema(await schemaText());
    const bare: string[] = [];
    for (const type of Object.values(schema.getTypeMap())) {
      if (type.name.startsWith('__') || isSpecifiedScalarType(type)) continue;
      // The roots and the inputs of commands say it in their fields.
      const saysItInFields = isInputObjectType(type) || ['Query', 'Mutation', 'Subscription'].includes(type.name);
      if (!type.description && !saysItInFields) bare.push(type.name);
      if (!isObjectType(type) && !isInputObjectType(type)) continue;
      for (const field of Object.values(type.getFields())) {
        if (!field.description) bare.push(`${type.name}.${field.name}`);
        // A command's only argument is its input, which describes itself.
        const args: readonly GraphQLArgument[] = 'args' in field ? field.args : [];
        for (const arg of args)
          if (arg.name !== 'input' && !arg.description) bare.push(`${type.name}.${field.name}(${arg.name})`);
      }
    }
    expect(bare).toEqual([]);
  });
});
