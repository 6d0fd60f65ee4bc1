import { ArgsType, Field, Float, ID, InputType, Int, ObjectType, registerEnumType } from '@nestjs/graphql';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  IsArray,
  IsInt,
  IsOptional,
  IsString,
  Max,
  MaxLength,
  Min,
  ValidateNested,
} from 'class-validator';
import { AsOfAnswer, Connection, InstantScalar, NullIsAbsent, PositionScalar, ReadArgs } from '@touchstone/platform';
import { JourneyFilterInput } from './journeys.graphql.js';

export enum NodeRole {
  ACTIVITY = 'ACTIVITY',
  OTHER = 'OTHER',
  STILL_OPEN = 'STILL_OPEN',
}
registerEnumType(NodeRole, {
  name: 'NodeRole',
  description: 'What a node of a map stands for.',
  valuesMap: {
    ACTIVITY: { description: 'A touchpoint kind.' },
    OTHER: { description: 'All kinds beyond "maxNodes" together.' },
    STILL_OPEN: { description: 'Where journeys stand that are still open.' },
  },
});

@InputType({ description: 'Which touchpoints of the chosen journeys a map keeps; what is absent keeps all.' })
export class ProjectInput {
  @Field(() => [String], { nullable: true, description: 'Kinds.' })
  @IsOptional()
  @NullIsAbsent()
  @IsArray()
  @ArrayMaxSize(1000)
  @IsString({ each: true })
  @MaxLength(512, { each: true })
  kinds?: string[];

  @Field(() => [String], { nullable: true, description: 'Units.' })
  @IsOptional()
  @NullIsAbsent()
  @IsArray()
  @ArrayMaxSize(1000)
  @IsString({ each: true })
  @MaxLength(512, { each: true })
  units?: string[];

  @Field(() => [String], { nullable: true, description: 'Channels.' })
  @IsOptional()
  @NullIsAbsent()
  @IsArray()
  @ArrayMaxSize(1000)
  @IsString({ each: true })
  @MaxLength(512, { each: true })
  channels?: string[];
}

@ArgsType()
export class JourneyMapArgs extends ReadArgs {
  @Field(() => JourneyFilterInput, { nullable: true, description: 'Which journeys; absent: all.' })
  @IsOptional()
  @NullIsAbsent()
  @ValidateNested()
  @Type(() => JourneyFilterInput)
  filter?: JourneyFilterInput;

  @Field(() => ProjectInput, { nullable: true, description: 'Which of their touchpoints; absent: all.' })
  @IsOptional()
  @NullIsAbsent()
  @ValidateNested()
  @Type(() => ProjectInput)
  project?: ProjectInput;

  @Field(() => Int, {
    defaultValue: 50,
    description: 'Kinds with a node of their own, the most frequent first; the rest is the node "other".',
  })
  @IsInt()
  @Min(1)
  @Max(1000)
  maxNodes: number = 50;

  @Field(() => Int, { defaultValue: 20, description: 'Variants listed, the most frequent first.' })
  @IsInt()
  @Min(0)
  @Max(1000)
  maxVariants: number = 20;
}

@ObjectType({ description: 'Durations by nearest rank, in milliseconds.' })
export class DurationPercentiles {
  @Field(() => Float, { nullable: true, description: 'Median.' })
  p50!: number | null;

  @Field(() => Float, { nullable: true, description: '90th percentile.' })
  p90!: number | null;

  @Field(() => Float, { nullable: true, description: '99th percentile.' })
  p99!: number | null;
}

@ObjectType({ description: 'A count that can be opened to the journeys and events behind it.' })
export class CountedFigure {
  @Field(() => Int, { description: 'The count.' })
  value!: number;

  @Field({ description: 'Token of the figure: give it to "figure" or "events" to see what is behind it.' })
  figure!: string;
}

@ObjectType({ description: 'A node of a map. What came in = what went out + ended + still open.' })
export class JourneyMapNode {
  @Field(() => ID, { description: 'Kind, "other" or "still-open".' })
  id!: string;

  @Field({ description: 'Name in English.' })
  nameEn!: string;

  @Field(() => String, { nullable: true, description: 'Name in Chinese.' })
  nameZh!: string | null;

  @Field(() => NodeRole, { description: 'What it stands for.' })
  role!: NodeRole;

  @Field(() => CountedFigure, { description: 'Touchpoints.' })
  count!: CountedFigure;

  @Field(() => CountedFigure, { description: 'Journeys that begin here.' })
  starts!: CountedFigure;

  @Field(() => CountedFigure, { description: 'Journeys that ended here: closed, with this as their last touchpoint.' })
  ended!: CountedFigure;

  @Field(() => CountedFigure, { description: 'Journeys that stand here, still open.' })
  stillOpen!: CountedFigure;

  @Field(() => Int, { description: 'Beginnings and incoming edges.' })
  in!: number;

  @Field(() => Int, { description: 'Outgoing edges, without those to "still open".' })
  out!: number;

  @Field(() => CountedFigure, { description: 'Times it followed itself; of "other", times one of its kinds did.' })
  selfLoops!: CountedFigure;

  @Field(() => CountedFigure, {
    description: 'Journeys in which it occurs twice or more; of "other", in which one of its kinds does.',
  })
  reworkCases!: CountedFigure;
}

@ObjectType({ description: 'Two touchpoints in a row.' })
export class JourneyMapEdge {
  @Field(() => ID, { description: 'Node it leaves.' })
  source!: string;

  @Field(() => ID, { description: 'Node it enters.' })
  target!: string;

  @Field(() => CountedFigure, { description: 'Times it was taken.' })
  count!: CountedFigure;

  @Field(() => DurationPercentiles, {
    description: 'From the one touchpoint to the other; into "still open": until the moment of the answer.',
  })
  durations!: DurationPercentiles;
}

@ObjectType({ description: 'A sequence of kinds that journeys went through.' })
export class JourneyVariant {
  @Field(() => [ID], { description: 'Kinds, in order.' })
  kinds!: string[];

  @Field(() => [String], { description: 'Their English names, in order.' })
  activities!: string[];

  @Field(() => CountedFigure, { description: 'Journeys that went exactly so.' })
  cases!: CountedFigure;

  @Field(() => Float, { description: 'Share of all journeys, 0 to 1.' })
  share!: number;

  @Field(() => Float, { description: 'Share of all journeys that this and the more frequent variants cover, 0 to 1.' })
  coverage!: number;
}

@ObjectType({ description: 'What follows what in the chosen journeys, how often and how long.' })
export class JourneyMap {
  @Field(() => AsOfAnswer, { description: 'What the answer stands for.' })
  asOf!: AsOfAnswer;

  @Field({ description: 'False: percentiles carry a relative error of "relativeError".' })
  exact!: boolean;

  @Field(() => Float, { description: 'Greatest relative error of a percentile.' })
  relativeError!: number;

  @Field(() => CountedFigure, { description: 'Journeys with at least one touchpoint.' })
  cases!: CountedFigure;

  @Field(() => CountedFigure, { description: 'Of them, closed.' })
  closedCases!: CountedFigure;

  @Field(() => CountedFigure, { description: 'Touchpoints.' })
  events!: CountedFigure;

  @Field(() => CountedFigure, { description: 'Pairs of touchpoints in a row.' })
  transitions!: CountedFigure;

  @Field(() => Int, { description: 'Different kinds, before any is folded into "other".' })
  activityCount!: number;

  @Field(() => Int, { description: 'Different pairs of kinds in a row, before any is folded into "other".' })
  edgeCount!: number;

  @Field(() => Int, { description: 'Different variants.' })
  variantCount!: number;

  @Field(() => CountedFigure, { description: 'Times a kind followed itself.' })
  selfLoops!: CountedFigure;

  @Field(() => CountedFigure, { description: 'Journeys in which a kind occurs twice or more.' })
  reworkCases!: CountedFigure;

  @Field(() => CountedFigure, { description: 'Times the unit changed from one touchpoint to the next.' })
  handovers!: CountedFigure;

  @Field(() => CountedFigure, { description: 'Journeys that went from a unit to another and back.' })
  pingPongCases!: CountedFigure;

  @Field(() => DurationPercentiles, { description: 'From the first to the last touchpoint.' })
  caseDurations!: DurationPercentiles;

  @Field(() => [JourneyMapNode], { description: 'Nodes, the most frequent first.' })
  nodes!: JourneyMapNode[];

  @Field(() => [JourneyMapEdge], { description: 'Edges, the most frequent first; those into "still-open" too.' })
  edges!: JourneyMapEdge[];

  @Field(() => [JourneyVariant], { description: 'Variants, the most frequent first.' })
  variants!: JourneyVariant[];
}

@ObjectType({ description: 'An event behind a figure.' })
export class FigureEvent {
  @Field(() => ID, { description: 'Id of the event.' })
  eventId!: string;

  @Field(() => ID, { description: 'The touchpoint it recorded or corrected.' })
  touchpointId!: string;

  @Field({ description: 'Its stream.' })
  stream!: string;

  @Field(() => Int, { description: 'Its revision in the stream.' })
  revision!: number;

  @Field(() => PositionScalar, { description: 'Its place in the log.' })
  position!: string;

  @Field(() => InstantScalar, { description: 'When the touchpoint happened, with the original offset.' })
  occurredAt!: string;

  @Field(() => ID, { description: 'Touchpoint kind; of a moment its code; else what the event did, such as "closed".' })
  kind!: string;
}

@ObjectType({ description: 'Once that a figure counted.' })
export class Occurrence {
  @Field(() => ID, { description: 'The journey.' })
  journeyId!: string;

  @Field(() => [FigureEvent], {
    description:
      'The events: one of a touchpoint, two of an edge, all of a journey; of a metric, those that make it what it is.',
  })
  events!: FigureEvent[];

  @Field(() => Float, { nullable: true, description: 'Of a metric: what it adds to the numerator; of a map null.' })
  value!: number | null;

  @Field(() => Boolean, { nullable: true, description: 'Of a metric: it adds to the numerator; of a map null.' })
  counts!: boolean | null;
}

@ObjectType({ description: 'A page of what a figure counted.' })
export class OccurrenceConnection extends Connection(Occurrence) {}

@ObjectType({ description: 'A figure, opened. It answers as of when it was counted, however long ago that was.' })
export class Figure {
  @Field({ description: 'What was counted: a count of a map, or "metric".' })
  of!: string;

  @Field(() => ID, { nullable: true, description: 'The metric; null of a map.' })
  metric!: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'Of a metric: "all" that n counts, or what stands in the "numerator"; of a map null.',
  })
  part!: string | null;

  @Field(() => ID, { nullable: true, description: 'The node, or the source of the edge.' })
  node!: string | null;

  @Field(() => ID, { nullable: true, description: 'The target of the edge.' })
  target!: string | null;

  @Field(() => AsOfAnswer, { description: 'As of when it was counted.' })
  asOf!: AsOfAnswer;

  @Field({ description: 'Generation of the read model that counted it.' })
  generation!: string;

  @Field({ description: 'Its token.' })
  token!: string;
}
