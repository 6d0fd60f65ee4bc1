import { Field, Float, ID, ObjectType } from '@nestjs/graphql';
import { AsOfAnswer, Connection, LongScalar } from '@touchstone/platform';
import { Observer } from '../observation-enums.graphql.js';
import { MetricAnchor, MetricDimension, MetricKind, MetricUnit } from './metric-enums.graphql.js';

@ObjectType({ description: 'A metric: what it says and how it is counted.' })
export class MetricDefinition {
  @Field(() => ID, { description: 'Id.' })
  id!: string;

  @Field({ description: 'Name in English.' })
  nameEn!: string;

  @Field({ description: 'Name in Chinese.' })
  nameZh!: string;

  @Field({ description: 'Definition in English.' })
  formulaEn!: string;

  @Field({ description: 'Definition in Chinese.' })
  formulaZh!: string;

  @Field(() => MetricUnit, { description: 'Unit of its values.' })
  unit!: string;

  @Field({ description: 'Where the definition comes from.' })
  source!: string;

  @Field(() => MetricAnchor, { description: 'What gives a contribution its day, unit, channel and stage.' })
  anchor!: string;

  @Field(() => MetricKind, { description: 'How a figure comes about.' })
  kind!: string;

  @Field(() => [MetricDimension], { description: 'What it can be grouped and, but for spans of time, filtered by.' })
  dimensions!: readonly string[];
}

@ObjectType({ description: 'Where the true value may well lie.' })
export class MetricInterval {
  @Field(() => Float, { description: 'Lower end, in the unit of the value.' })
  low!: number;

  @Field(() => Float, { description: 'Upper end.' })
  high!: number;

  @Field(() => Float, { description: 'How sure: 0.95.' })
  level!: number;

  @Field({
    description:
      'How it was found: wilson (shares), poisson-score (events per thousand), normal (means), wilson-weighted (balances); of a difference, newcombe for shares, and hybrid-… of the same for the others.',
  })
  method!: string;
}

@ObjectType({ description: 'A percentile by nearest rank, within 1 % of the value.' })
export class MetricPercentile {
  @Field(() => Float, { description: 'How many of a hundred lie at or below it.' })
  percent!: number;

  @Field(() => Float, { nullable: true, description: 'The value; null of nothing.' })
  value!: number | null;
}

@ObjectType({
  description:
    'How much of what there was could be judged: by an observer, by a rule, or at all (both null: contacts of known customers, journeys with an owner). What nobody could judge is not neutral.',
})
export class MetricCoverage {
  @Field(() => Observer, { nullable: true, description: 'Who could judge.' })
  observer!: string | null;

  @Field(() => String, { nullable: true, description: 'Code of the rule that could judge.' })
  rule!: string | null;

  @Field(() => LongScalar, { description: 'What could be judged.' })
  covered!: number;

  @Field(() => LongScalar, { description: 'What there was.' })
  of!: number;

  @Field(() => Float, { nullable: true, description: 'covered ÷ of, 0 to 1.' })
  share!: number | null;

  @Field(() => LongScalar, { description: "What of the figure's numerator comes from there; of ratings, of its n." })
  numerator!: number;
}

@ObjectType({ description: 'What else belongs to a figure.' })
export class MetricExtra {
  @Field(() => ID, { description: 'Id.' })
  id!: string;

  @Field({ description: 'Name in English.' })
  nameEn!: string;

  @Field({ description: 'Name in Chinese.' })
  nameZh!: string;

  @Field(() => Float, { nullable: true, description: 'The value; null of nothing.' })
  value!: number | null;

  @Field(() => MetricUnit, { description: 'Its unit.' })
  unit!: string;
}

@ObjectType({
  description:
    'A figure: numerator ÷ denominator, per thousand where the unit says so. It adds up over groups, and opens to the events behind it.',
})
export class MetricFigure {
  @Field(() => LongScalar, { description: 'Observations behind it.' })
  n!: number;

  @Field(() => LongScalar, { description: 'Sum over them: of ones, values, milliseconds, seconds or weights.' })
  numerator!: number;

  @Field(() => LongScalar, { description: 'What the sum is divided by: n, or the weights of a balance.' })
  denominator!: number;

  @Field(() => Float, { nullable: true, description: 'The value; null of nothing.' })
  value!: number | null;

  @Field(() => MetricInterval, {
    nullable: true,
    description: 'Where the true value may well lie; null of too little.',
  })
  interval!: MetricInterval | null;

  @Field(() => [MetricPercentile], { description: 'Of durations: the 50th, 90th, 95th and 99th.' })
  percentiles!: readonly MetricPercentile[];

  @Field(() => LongScalar, {
    nullable: true,
    description:
      'What may still change only because time passes, while a repeat may still follow within 168 h: first contacts that count as resolved (M-FCR), moments of the rule that are still to come (M-MOTP, M-MOTB), journeys whose negative moment such a one may turn (M-NPM). Null: the metric has nothing of the kind.',
  })
  provisional!: number | null;

  @Field(() => [MetricCoverage], { description: 'How much could be judged, by whom.' })
  coverage!: readonly MetricCoverage[];

  @Field(() => [MetricExtra], { description: 'What else belongs to it.' })
  extras!: readonly MetricExtra[];

  @Field({ description: 'Token: give it to "figure" to see the n observations behind it.' })
  figure!: string;

  @Field(() => String, {
    nullable: true,
    description: 'Token of what stands in the numerator alone; null where that is a sum of values.',
  })
  numeratorFigure!: string | null;
}

@ObjectType({ description: 'What a group has in common.' })
export class MetricGroupValue {
  @Field(() => MetricDimension, { description: 'The dimension.' })
  dimension!: string;

  @Field(() => ID, {
    nullable: true,
    description: 'Its value; of spans of time the date of their first day; null: none.',
  })
  id!: string | null;

  @Field(() => String, { nullable: true, description: 'Name in English, where it has one beside its id.' })
  nameEn!: string | null;

  @Field(() => String, { nullable: true, description: 'Name in Chinese, where it has one beside its id.' })
  nameZh!: string | null;
}

@ObjectType({ description: 'A figure of a group.' })
export class MetricGroup {
  @Field(() => [MetricGroupValue], { description: 'What it has in common, in the order of "groupBy".' })
  dimensions!: readonly MetricGroupValue[];

  @Field(() => MetricFigure, { description: 'The figure.' })
  figure!: MetricFigure;
}

@ObjectType({ description: 'A page of groups, in the order of their key.' })
export class MetricGroupConnection extends Connection(MetricGroup) {}

@ObjectType({ description: 'A metric, answered. What is not asked for is not counted.' })
export class MetricAnswer {
  @Field(() => AsOfAnswer, { description: 'What the answer stands for.' })
  asOf!: AsOfAnswer;

  @Field(() => MetricDefinition, { description: 'What was counted.' })
  metric!: MetricDefinition;

  @Field({
    description:
      'Zone in which its days begin: that of the read model that answered, also while one for another zone is being built.',
  })
  timeZone!: string;

  @Field(() => MetricFigure, { description: 'Everything together.' })
  total!: MetricFigure;

  @Field(() => MetricGroupConnection, { description: 'The groups; none without "groupBy".' })
  groups!: MetricGroupConnection;
}
