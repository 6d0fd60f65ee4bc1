import type { ColumnProfile } from './csv-profile.js';

/** A column with the reason why it was chosen. */
export interface Chosen {
  readonly column: ColumnProfile;
  readonly why: string;
}

const NAMES = {
  case: /(^|[^a-z])(case|trace|ticket|incident)([ _:-]?(id|no|nr|key|name|number))?$|工单|案件|单号|流程/i,
  caseLike: /number|(^|_| )(id|no|nr|key|ref)$|order|编号|号$/i,
  notCase:
    /customer|client|user|caller|account|agent|staff|problem|parent|group|product|state|status|type|客户|用户|户号|电话/i,
  activity: /activity|event|action|step|task|concept:name|环节|活动|动作|操作|节点/i,
  state: /state|status|stage|phase|状态|阶段/i,
  unit: /group|team|unit|dep(t|artment)|branch|office|queue|班组|部门|单位|网点|供电所/i,
  staff: /assigned|assignee|agent|resource|operator|handler|staff|employee|engineer|technician|处理人|坐席|员工|经办/i,
  channel: /channel|contact_?type|medium|渠道|来源|受理方式/i,
  customer: /customer|client|caller|account|consumer|cust_|户号|客户|用户编号|来电/i,
  personal:
    /phone|mobile|(^|_)tel|e-?mail|address|addr(_|$)|birth|passport|id_?card|ssn|(first|last|full|contact|caller|customer)[ _]?name|^name$|姓名|电话|手机|地址|邮箱|身份证|联系人/i,
  thing: /work_?order|order|problem|change|rfc|asset|meter|device|contract|invoice|(^|_)ci$|工单|订单|表号|设备|台区/i,
} as const;

/** The journey's column: values that come in several rows, under a name that says so. */
export function caseOf(columns: readonly ColumnProfile[], rows: number): Chosen | undefined {
  const scored = columns
    .filter((c) => c.type !== 'instant' && c.type !== 'flag' && c.distinct > 1 && c.filled >= rows * 0.99)
    .map((column) => {
      const { name, distinct, filled } = column;
      const each = filled / distinct;
      const named = NAMES.case.test(name) ? 4 : NAMES.caseLike.test(name) ? 2 : 0;
      const score =
        named +
        (each > 1.2 ? 2 : 0) +
        (distinct > rows * 0.02 ? 1 : rows > 500 ? -2 : 0) -
        (NAMES.notCase.test(name) ? 4 : 0);
      return { column, score, each };
    })
    .filter(({ score }) => score > 1)
    .sort((a, b) => b.score - a.score || a.column.at - b.column.at);
  const [best] = scored;
  if (!best) return undefined;
  const { column, each } = best;
  const named = NAMES.case.test(column.name) || NAMES.caseLike.test(column.name) ? ', and its name says so' : '';
  return { column, why: `${column.distinct} values, ${each.toFixed(1)} rows each${named}` };
}

/** Share of the cases with several rows in which the column says the same throughout; undefined without such cases. */
export function constancy(
  column: ColumnProfile,
  key: ColumnProfile,
  rows: readonly (readonly string[])[],
): number | undefined {
  const cases = new Map<string, { text: string; rows: number; same: boolean }>();
  for (const cells of rows) {
    const text = cells[column.at]!.trim();
    const known = cases.get(cells[key.at]!);
    if (!known) {
      cases.set(cells[key.at]!, { text, rows: 1, same: true });
      continue;
    }
    known.rows++;
    if (known.text !== text) known.same = false;
  }
  const several = [...cases.values()].filter((c) => c.rows > 1);
  return several.length === 0 ? undefined : several.filter((c) => c.same).length / several.length;
}

/** The column that names what happened: few words, which change within a case. */
export function activityOf(
  columns: readonly ColumnProfile[],
  rows: number,
  isConstant: (column: ColumnProfile) => boolean,
): Chosen | undefined {
  const scored = columns
    .filter((c) => c.type === 'text' && !c.looksLike && c.distinct > 1 && c.distinct <= 200 && c.filled >= rows * 0.98)
    .filter((c) => rows < 50 || c.distinct < rows * 0.2)
    .map((column) => {
      const named = NAMES.activity.test(column.name) ? 4 : NAMES.state.test(column.name) ? 3 : 0;
      return { column, score: named + (named > 0 && !isConstant(column) ? 2 : 0) };
    })
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score || a.column.at - b.column.at);
  const column = scored[0]?.column;
  return column && { column, why: `${column.distinct} words: ${column.values.slice(0, 6).join(', ')}` };
}

/** The first column whose name speaks of the role; the more rows it says something in the better. */
export function roleOf(
  role: 'unit' | 'staff' | 'channel' | 'customer',
  columns: readonly ColumnProfile[],
): Chosen | undefined {
  const fit = columns.filter(
    (c) => NAMES[role].test(c.name) && c.type !== 'instant' && c.type !== 'flag' && c.filled > 0,
  );
  const [column] = fit.sort((a, b) => b.filled - a.filled || a.at - b.at);
  return column && { column, why: `by its name; ${column.distinct} values` };
}

export const isPersonal = ({ name, looksLike }: ColumnProfile): string | undefined =>
  looksLike ? `looks like ${looksLike}` : NAMES.personal.test(name) ? 'by its name' : undefined;

export const isThing = ({ name, type, filled }: ColumnProfile): boolean =>
  filled > 0 && type !== 'instant' && type !== 'flag' && NAMES.thing.test(name);

/** `problem_id` as `problem`. */
export const thingType = (name: string): string =>
  name
    .replace(/[_ -]?(id|no|nr|number|编号|号)$/i, '')
    .replace(/[^\p{L}\p{N}]+/gu, '-')
    .toLowerCase()
    .slice(0, 64) || 'object';
