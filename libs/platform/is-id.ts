import { Transform } from 'class-transformer';
import { IsUUID } from 'class-validator';

/** An input field that is an id of ours: a UUID. In capitals it means the same, so it goes on in small letters. */
export const IsId = (): PropertyDecorator => (target, key) => {
  Transform(({ value }) => (typeof value === 'string' ? value.toLowerCase() : (value as unknown)))(target, key);
  IsUUID()(target, key as string);
};
