import { Args, Info, Parent, Query, ResolveField, Resolver } from '@nestjs/graphql';
import { fieldsOf } from '@touchstone/platform';
import type { GraphQLResolveInfo } from 'graphql';
import { FIGURE_PARTS } from './metric-figure.js';
import { METRICS } from './metric-definitions.js';
import { MetricReader } from './metric-reader.js';
import { MetricComparison } from './metric-comparison.graphql.js';
import { CompareMetricArgs, MetricArgs } from './metric-inputs.graphql.js';
import { MetricAnswer, MetricDefinition } from './metrics.graphql.js';

type Definition = (typeof METRICS)[number];

@Resolver(() => MetricDefinition)
export class MetricsResolver {
  constructor(private readonly reader: MetricReader) {}

  @Query(() => [MetricDefinition], { description: 'The metrics there are.' })
  metrics() {
    return METRICS;
  }

  @Query(() => MetricAnswer, { description: 'A metric over a window, together and in groups, as known now or then.' })
  metric(@Args() args: MetricArgs, @Info() info: GraphQLResolveInfo) {
    const asked = fieldsOf(info);
    const within = fieldsOf(info, true);
    const parts = FIGURE_PARTS.filter((part) => within.has(part));
    const wants = { total: asked.has('total'), groups: asked.has('groups'), parts };
    return this.reader.metric({ ...args, window: plain(args.window), filter: plain(args.filter), wants });
  }

  @Query(() => MetricComparison, { description: 'How a metric differs between two windows, choices or moments.' })
  compareMetric(@Args() { a, b, ...args }: CompareMetricArgs) {
    const side = ({ window, filter, asOf }: CompareMetricArgs['a']) => ({
      window: plain(window),
      filter: plain(filter),
      asOf,
    });
    return this.reader.compare({ ...args, a: side(a), b: side(b) });
  }

  @ResolveField(() => String, { description: 'Name in English.' })
  nameEn(@Parent() { name }: Definition) {
    return name.en;
  }

  @ResolveField(() => String, { description: 'Name in Chinese.' })
  nameZh(@Parent() { name }: Definition) {
    return name.zh;
  }

  @ResolveField(() => String, { description: 'Definition in English.' })
  formulaEn(@Parent() { formula }: Definition) {
    return formula.en;
  }

  @ResolveField(() => String, { description: 'Definition in Chinese.' })
  formulaZh(@Parent() { formula }: Definition) {
    return formula.zh;
  }
}

/** Input objects as plain data without absent fields: they travel to a worker and into tokens. */
const plain = <T extends object>(input: T | undefined): T | undefined =>
  input && (Object.fromEntries(Object.entries(input).filter(([, value]) => value != null)) as T);
