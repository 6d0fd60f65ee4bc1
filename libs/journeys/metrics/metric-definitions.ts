/** The care metrics: what each of them says, in words for people, and what it is made of. */
import type { CubeName } from './care.tables.js';

export const METRIC_IDS = [
  'M-JLT',
  'M-TCH',
  'M-HND',
  'M-RPT',
  'M-FCR',
  'M-XCH',
  'M-SI',
  'M-FCO',
  'M-MOTP',
  'M-MOTN',
  'M-MOTB',
  'M-NPM',
  'M-EEG',
  'M-LAG',
] as const;
export type MetricId = (typeof METRIC_IDS)[number];

/** What figures can be grouped and filtered by. Weeks begin on Monday. */
export const METRIC_DIMENSIONS = [
  'day',
  'week',
  'month',
  'unit',
  'channel',
  'journeyType',
  'stage',
  'segment',
  'region',
  'tier',
  'source',
  'observer',
  'code',
] as const;
export type MetricDimension = (typeof METRIC_DIMENSIONS)[number];

/**
 * How a figure comes about: a share of n, events per thousand, a mean of n values, a mean duration with percentiles, a
 * balance of weights.
 */
export type MetricKind = 'rate' | 'perThousand' | 'mean' | 'duration' | 'balance';
/** `points`: steps of the scale of experience, -2 to +2. Lags are counted in seconds: those of years still add up. */
export type MetricUnit = 'share' | 'perThousand' | 'count' | 'ms' | 's' | 'balance' | 'points';
/** The touchpoint whose day, unit, channel … a figure counts under: the first, the one that closed, the one itself. */
export type MetricAnchor = 'opening' | 'closing' | 'touchpoint';

interface Text {
  readonly en: string;
  readonly zh: string;
}

export interface MetricDefinition {
  readonly id: MetricId;
  readonly name: Text;
  readonly formula: Text;
  readonly unit: MetricUnit;
  /** Where the definition comes from. */
  readonly source: string;
  readonly anchor: MetricAnchor;
  readonly kind: MetricKind;
  /** The sums it is made of; metrics of moments take what was observed from the cube of moments besides. */
  readonly cube: CubeName;
  /** Whether it counts moments or ratings. */
  readonly observes?: 'moments' | 'ratings';
  /**
   * What of it rests on a window that may not have passed: contacts that count as resolved by absence, moments of the rule
   * that finds these, or journeys whose negative moment such a moment may still turn.
   */
  readonly awaits?: 'resolutions' | 'moments' | 'turns';
  readonly dimensions: readonly MetricDimension[];
}

const TIME = ['day', 'week', 'month'] as const;
const ANCHORED = [...TIME, 'unit', 'channel', 'journeyType', 'stage', 'segment', 'region', 'tier'] as const;

const ACCESS = 'service catalogue §3.2, access and queue';
const SHAPE = 'service catalogue §3.4, journey shape and ownership';
const MOMENTS = 'service catalogue §3.5, moments, expectation, care';
const QUALITY = 'service catalogue §3.10, data quality';

export const METRICS: readonly MetricDefinition[] = [
  {
    id: 'M-JLT',
    name: { en: 'Journey lead time', zh: '全程时长' },
    formula: {
      en: 'Mean time from the first touchpoint of a closed journey to what closed it last; net: without its pauses.',
      zh: '已关闭旅程从首个触点到最后一次关闭的平均时长；净时长扣除暂停时间。',
    },
    unit: 'ms',
    source: SHAPE,
    anchor: 'closing',
    kind: 'duration',
    cube: 'closed',
    dimensions: ANCHORED,
  },
  {
    id: 'M-TCH',
    name: { en: 'Touchpoints per journey', zh: '触点数' },
    formula: {
      en: 'Touchpoints of closed journeys that the customer sees and that no system made by itself ÷ closed journeys.',
      zh: '已关闭旅程中客户可见且非系统自动产生的触点数 ÷ 已关闭旅程数。',
    },
    unit: 'count',
    source: SHAPE,
    anchor: 'closing',
    kind: 'mean',
    cube: 'closed',
    dimensions: ANCHORED,
  },
  {
    id: 'M-HND',
    name: { en: 'Changes of owner per journey', zh: '转手数' },
    formula: {
      en: 'Changes of owner ÷ journeys; a change is every handover and every assignment after the first. Going from unit to unit without a change of owner is none.',
      zh: '责任人变更次数 ÷ 旅程数；每次移交以及首次指派之后的每次指派均计为一次变更，仅单位流转而责任人未变不计。',
    },
    unit: 'count',
    source: SHAPE,
    anchor: 'opening',
    kind: 'mean',
    cube: 'opened',
    dimensions: ANCHORED,
  },
  {
    id: 'M-RPT',
    name: { en: 'Repeat contact rate', zh: '重复来电率' },
    formula: {
      en: 'Contacts for which the latest earlier contact of the same matter (customer and journey type, in any journey) began at most 168 h before ÷ contacts of known customers. A journey without contacts counts its first touchpoint.',
      zh: '同一事项（客户与旅程类型，不限旅程）中距最近一次先前联系开始不超过168小时的联系数 ÷ 已知客户的联系数；无联系的旅程以其首个触点计。',
    },
    unit: 'share',
    source: SHAPE,
    anchor: 'touchpoint',
    kind: 'rate',
    cube: 'touchpoint',
    dimensions: ANCHORED,
  },
  {
    id: 'M-FCR',
    name: { en: 'First contact resolution', zh: '首次解决率' },
    formula: {
      en: 'First contacts that resolved their matter ÷ first contacts of known customers; first: no repeat of another; resolved: the customer confirmed it, else no repeat followed within 168 h; never if the journey was reopened.',
      zh: '解决了事项的首次联系数 ÷ 已知客户的首次联系数；首次：不是重复联系；解决：客户确认，否则其后168小时内无重复联系；旅程重开则一律不算解决。',
    },
    unit: 'share',
    source: ACCESS,
    anchor: 'touchpoint',
    kind: 'rate',
    cube: 'touchpoint',
    awaits: 'resolutions',
    dimensions: ANCHORED,
  },
  {
    id: 'M-XCH',
    name: { en: 'Channel changes with context', zh: '跨渠道带上下文' },
    formula: {
      en: 'Channel changes whose later contact says that the context was passed on ÷ channel changes; a change: two contacts of a journey, one after the other, on two known channels.',
      zh: '后一次联系注明已传递上下文的渠道变更数 ÷ 渠道变更数；变更：同一旅程中相继两次联系处于两个已知的不同渠道。',
    },
    unit: 'share',
    source: ACCESS,
    anchor: 'touchpoint',
    kind: 'rate',
    cube: 'touchpoint',
    dimensions: ANCHORED,
  },
  {
    id: 'M-SI',
    name: { en: 'One-face index', zh: '一口对外指数' },
    formula: {
      en: '1 - journeys with a change of owner that the customer was not told of ÷ journeys.',
      zh: '1 - 存在未告知客户的责任人变更的旅程数 ÷ 旅程数。',
    },
    unit: 'share',
    source: SHAPE,
    anchor: 'opening',
    kind: 'rate',
    cube: 'opened',
    dimensions: ANCHORED,
  },
  {
    id: 'M-FCO',
    name: { en: 'First owner to the end', zh: '首问到底率' },
    formula: {
      en: 'Closed journeys that their first owner finished, or in which every change of owner had a note and the customer was told ÷ closed journeys that ever had an owner.',
      zh: '由首位责任人办结，或每次责任人变更均有交接记录且已告知客户的已关闭旅程数 ÷ 曾有责任人的已关闭旅程数。',
    },
    unit: 'share',
    source: SHAPE,
    anchor: 'closing',
    kind: 'rate',
    cube: 'closed',
    dimensions: ANCHORED,
  },
  {
    id: 'M-MOTP',
    name: { en: 'Positive moments of truth', zh: '积极真理瞬间率' },
    formula: {
      en: 'Positive moments of truth that hold (retracted ones do not) ÷ touchpoints × 1,000.',
      zh: '有效（未撤回）的积极真理瞬间数 ÷ 触点数 × 1000。',
    },
    unit: 'perThousand',
    source: MOMENTS,
    anchor: 'touchpoint',
    kind: 'perThousand',
    cube: 'touchpoint',
    observes: 'moments',
    awaits: 'moments',
    dimensions: [...ANCHORED, 'observer', 'code'],
  },
  {
    id: 'M-MOTN',
    name: { en: 'Negative moments of truth', zh: '消极真理瞬间率' },
    formula: {
      en: 'Negative moments of truth that hold (retracted ones do not) ÷ touchpoints × 1,000.',
      zh: '有效（未撤回）的消极真理瞬间数 ÷ 触点数 × 1000。',
    },
    unit: 'perThousand',
    source: MOMENTS,
    anchor: 'touchpoint',
    kind: 'perThousand',
    cube: 'touchpoint',
    observes: 'moments',
    dimensions: [...ANCHORED, 'observer', 'code'],
  },
  {
    id: 'M-MOTB',
    name: { en: 'Balance of moments of truth', zh: '真理瞬间平衡' },
    formula: {
      en: '(Sum of the intensities of positive moments - that of negative ones) ÷ sum of all; moments of rules have intensity 1; unknown without moments.',
      zh: '（积极瞬间强度之和 - 消极瞬间强度之和）÷ 全部强度之和；规则得出的瞬间强度为1；无瞬间时无值。',
    },
    unit: 'balance',
    source: MOMENTS,
    anchor: 'touchpoint',
    kind: 'balance',
    cube: 'touchpoint',
    observes: 'moments',
    awaits: 'moments',
    dimensions: [...ANCHORED, 'observer', 'code'],
  },
  {
    id: 'M-NPM',
    name: { en: 'Negative moments turned', zh: '消极转化率' },
    formula: {
      en: 'Journeys in which a positive moment follows a negative one, at a later touchpoint or lived later at the same ÷ journeys with a negative moment.',
      zh: '消极瞬间之后（其后触点，或同一触点更晚时刻）出现积极瞬间的旅程数 ÷ 有消极瞬间的旅程数。',
    },
    unit: 'share',
    source: MOMENTS,
    anchor: 'opening',
    kind: 'rate',
    cube: 'opened',
    awaits: 'turns',
    dimensions: ANCHORED,
  },
  {
    id: 'M-EEG',
    name: { en: 'Experience less expectation', zh: '期望体验差' },
    formula: {
      en: 'Mean of experience less expectation, -2 to +2, over ratings that know both sides or give the gap itself.',
      zh: '体验减期望（-2至+2）的均值，仅计双方均已知或直接给出差值的评价。',
    },
    unit: 'points',
    source: MOMENTS,
    anchor: 'touchpoint',
    kind: 'mean',
    cube: 'touchpoint',
    observes: 'ratings',
    dimensions: [...ANCHORED, 'observer'],
  },
  {
    id: 'M-LAG',
    name: { en: 'Recording lag', zh: '入库延迟' },
    formula: {
      en: 'Mean time from when a touchpoint happened to when it was first recorded, each in whole seconds; historical loads are left out.',
      zh: '触点从发生到首次入库的平均时长，逐条取整秒；历史装载不计。',
    },
    unit: 's',
    source: QUALITY,
    anchor: 'touchpoint',
    kind: 'duration',
    cube: 'lag',
    dimensions: [...TIME, 'source', 'unit', 'channel', 'journeyType'],
  },
];

const BY_ID = new Map<string, MetricDefinition>(METRICS.map((metric) => [metric.id, metric]));

/** Undefined for an id that no metric has. */
export const metricOf = (id: string): MetricDefinition | undefined => BY_ID.get(id);

/** What a value is multiplied by after dividing. */
export const scaleOf = ({ kind }: Pick<MetricDefinition, 'kind'>): number => (kind === 'perThousand' ? 1000 : 1);

/** Dimensions by which what was observed is told apart, and not what was there to be observed. */
export const OBSERVED_DIMENSIONS: readonly MetricDimension[] = ['observer', 'code'];
