import { ArgsType, Field, ID, InputType, Int, ObjectType, registerEnumType } from '@nestjs/graphql';
import { IsOptional, IsString, Length } from 'class-validator';
import { InstantScalar, IsId, NullIsAbsent, PositionScalar } from '@touchstone/platform';

/** What stays when a person is forgotten, or cannot be undone from here. */
export enum Remainder {
  EVENTS = 'EVENTS',
  KEYED_HASHES = 'KEYED_HASHES',
  UNMARKED_TEXT = 'UNMARKED_TEXT',
  TOLD_BY_OTHERS = 'TOLD_BY_OTHERS',
  BACKUPS = 'BACKUPS',
  COPIES = 'COPIES',
  SENT_AGAIN = 'SENT_AGAIN',
}

/** The same in words. */
export const REMAINDERS: readonly { readonly code: Remainder; readonly en: string; readonly zh: string }[] = [
  {
    code: Remainder.EVENTS,
    en: 'Events stay with their times, kinds, units and attributes that are not about a person, so every figure stays as it was.',
    zh: '事件及其时间、类型、单位和非个人属性仍然保留，因此所有指标保持不变。',
  },
  {
    code: Remainder.KEYED_HASHES,
    en: 'Keyed hashes of identifiers stay in the names of streams: who holds keys.db and knows an identifier already can still find the id that it once led to.',
    zh: '标识符的带密钥哈希仍保留在流名称中：持有 keys.db 且已知某标识符的人，仍可找到它曾经指向的编号。',
  },
  {
    code: Remainder.UNMARKED_TEXT,
    en: 'What was never marked as personal was never sealed: reasons, names of journeys in their source, and attributes without the mark.',
    zh: '从未标记为个人信息的内容从未加密：原因说明、来源系统中的旅程名称以及未标记的属性。',
  },
  {
    code: Remainder.TOLD_BY_OTHERS,
    en: 'What is said of them in the journeys of other people is sealed with the keys of those, and stays with them.',
    zh: '其他人旅程中提及该人的内容以其他人的密钥加密，仍随其他人保留。',
  },
  {
    code: Remainder.BACKUPS,
    en: 'Backups made before keep the keys until they are destroyed; a server that is started on one together with the log of today destroys them again.',
    zh: '此前的备份仍含有密钥，直至备份被销毁；若将备份与当前日志一起启动，服务器会再次销毁这些密钥。',
  },
  {
    code: Remainder.COPIES,
    en: 'Copies that were already sent to other systems or people are out of reach.',
    zh: '已发送给其他系统或人员的副本无法收回。',
  },
  {
    code: Remainder.SENT_AGAIN,
    en: 'A source that sends their identifiers again makes a new customer, who is not forgotten.',
    zh: '若来源系统再次发送其标识符，将产生一个新的、未被遗忘的客户。',
  },
];

registerEnumType(Remainder, {
  name: 'Remainder',
  description: 'What stays when a person is forgotten, or cannot be undone from here.',
  valuesMap: Object.fromEntries(REMAINDERS.map(({ code, en }) => [code, { description: en }])),
});

@ObjectType({ description: 'Something that stays, in words.' })
export class Remains {
  @Field(() => Remainder, { description: 'What.' })
  code!: Remainder;

  @Field({ description: 'In English.' })
  en!: string;

  @Field({ description: 'In Chinese.' })
  zh!: string;
}

@InputType({ description: 'Whom to forget, and why.' })
export class ForgetCustomerInput {
  @Field(() => ID, { description: 'Id of the customer; everybody who was merged with them is the same person.' })
  @IsId()
  customerId!: string;

  @Field({ description: 'Why, for the record. It stays readable: name nobody here.' })
  @IsString()
  @Length(1, 4000)
  reason!: string;

  @Field(() => String, { nullable: true, description: 'On which ground, such as GDPR-17 or PIPL-47.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @Length(1, 256)
  basis?: string;
}

@ArgsType()
export class ForgettingReceiptArgs {
  @Field(() => ID, { description: 'Id of the customer.' })
  @IsId()
  customerId!: string;
}

@ObjectType({ description: 'What was done to forget a person, and what cannot be undone.' })
export class ForgettingReceipt {
  @Field(() => [ID], { description: 'Customers who were this person.' })
  customerIds!: string[];

  @Field(() => InstantScalar, { description: 'When it was finished, in UTC.' })
  completedAt!: string;

  @Field(() => PositionScalar, { description: 'Place in the log of the event that says so.' })
  position!: string;

  @Field(() => Int, { description: 'Journeys that ever were theirs; they stay, and name nobody.' })
  journeyCount!: number;

  @Field(() => Int, { description: 'Keys that were destroyed.' })
  keysDestroyed!: number;

  @Field(() => Int, { description: 'Identifiers that do not lead to them any more.' })
  keysReleased!: number;

  @Field(() => Int, { description: 'Records about them that were removed from quarantine.' })
  quarantineRemoved!: number;

  @Field(() => Int, { description: 'Interrupted imports with records about them that were given up.' })
  importsRemoved!: number;

  @Field(() => [InstantScalar], { description: 'When keys that a restore had brought back were destroyed again.' })
  repeatedAt!: string[];

  @Field(() => [Remains], { description: 'What stays, and what is out of reach.' })
  remains!: Remains[];
}
