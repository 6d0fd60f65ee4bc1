import { Field, Float, Int, ObjectType } from '@nestjs/graphql';
import { AsOfAnswer } from '@touchstone/platform';
import { MetricDefinition, MetricFigure, MetricGroupValue, MetricInterval } from './metrics.graphql.js';

@ObjectType({ description: 'One side of a comparison, answered.' })
export class MetricSide {
  @Field(() => AsOfAnswer, { description: 'What it stands for.' })
  asOf!: AsOfAnswer;

  @Field(() => MetricFigure, { description: 'Everything together.' })
  total!: MetricFigure;
}

const DECIMAL = 'A decimal number as text, of at most 12 places.';

@ObjectType({ isAbstract: true })
class Amounts {
  @Field({ description: `From a change in the weight of the group: (w_b - w_a) · ((r_a + r_b) ÷ 2 - (R_a + R_b) ÷ 2). ${DECIMAL}` }) // prettier-ignore
  mix!: string;

  @Field({ description: `From a change inside the group: (r_b - r_a) · (w_a + w_b) ÷ 2. ${DECIMAL}` })
  rate!: string;

  @Field({ description: `Both together. ${DECIMAL}` })
  total!: string;
}

@ObjectType({ description: 'What one group has of a difference.' })
export class MetricPart extends Amounts {
  @Field(() => [MetricGroupValue], { description: 'What the group has in common, in the order of "groupBy".' })
  dimensions!: readonly MetricGroupValue[];

  @Field(() => MetricFigure, { nullable: true, description: 'Its figure in a; null: it is not there.' })
  a!: MetricFigure | null;

  @Field(() => MetricFigure, { nullable: true, description: 'Its figure in b; null: it is not there.' })
  b!: MetricFigure | null;
}

@ObjectType({ description: 'What all groups that are not listed have of a difference together.' })
export class MetricOthers extends Amounts {
  @Field(() => Int, { description: 'How many groups.' })
  groups!: number;
}

@ObjectType({
  description:
    'b less a, and what of it comes from where. All calculation is exact; each mix and each rate is rounded to 12 places, and what rounding leaves over goes to the largest of them, so that the parts and the others add up to "exactDifference" to the last digit. Exchanged sides turn every sign.',
})
export class MetricComparison {
  @Field(() => MetricDefinition, { description: 'What was compared.' })
  metric!: MetricDefinition;

  @Field(() => MetricSide, { description: 'From here.' })
  a!: MetricSide;

  @Field(() => MetricSide, { description: 'To here.' })
  b!: MetricSide;

  @Field(() => Float, { nullable: true, description: 'b less a; null when a side counts nothing.' })
  difference!: number | null;

  @Field(() => String, { nullable: true, description: `The same. ${DECIMAL}` })
  exactDifference!: string | null;

  @Field(() => MetricInterval, { nullable: true, description: 'Where the true difference may well lie.' })
  interval!: MetricInterval | null;

  @Field(() => String, { nullable: true, description: `The mix of all groups together. ${DECIMAL}` })
  mix!: string | null;

  @Field(() => String, { nullable: true, description: `The rate of all groups together. ${DECIMAL}` })
  rate!: string | null;

  @Field(() => [MetricPart], { description: 'The largest parts, in either direction.' })
  parts!: readonly MetricPart[];

  @Field(() => MetricOthers, { nullable: true, description: 'The rest; null: there is none.' })
  others!: MetricOthers | null;
}
