import { TouchstoneError } from '@touchstone/eventing';
import { DEFAULT_RULE, matchesKind, type CorrelationInForce, type CorrelationRule } from './correlation-rule.js';
import { refuseTwice } from './pack.js';

/** The rules that one pack has in force. */
interface Edition {
  readonly version: number;
  readonly shipped: boolean;
  readonly rules: readonly CorrelationRule[];
}

/** The rules of correlation in force: those of one's own packs over those that ship. */
export class CorrelationRules {
  private readonly editions = new Map<string, Edition>();
  private rules = new Map<string, CorrelationInForce>();

  put(pack: string, edition: Edition): void {
    this.editions.set(pack, edition);
    this.settle();
  }

  drop(pack: string): void {
    this.editions.delete(pack);
    this.settle();
  }

  /**
   * The rule of the type of journey given; else of the type that claims the kind. A type without a rule of its own has
   * the default one.
   */
  find(kind: string, journeyType?: string): { rule: CorrelationInForce; journeyType: string } | null {
    const type = journeyType ?? this.typeOf(kind);
    if (type === undefined) return null;
    const rule = this.rules.get(type) ?? this.rules.get(DEFAULT_RULE);
    return rule ? { rule, journeyType: type } : null;
  }

  /** @throws CORRELATION_TWICE, CORRELATION_TAKEN: of two packs of one's own only one may have the rule of a type */
  check(pack: string, rules: readonly CorrelationRule[]): void {
    refuseTwice(
      'CORRELATION_TWICE',
      rules.map((rule) => rule.journeyType),
      (type) => `The rule of ${type} is given twice; keep one.`,
    );
    for (const { journeyType } of rules) {
      const holder = this.rules.get(journeyType);
      if (!holder || holder.pack === pack || this.editions.get(holder.pack)!.shipped) continue;
      const message = `The rule of ${journeyType} belongs to the pack ${holder.pack}; publish it there.`;
      throw new TouchstoneError('CORRELATION_TAKEN', message, 'refused');
    }
  }

  private typeOf(kind: string): string | undefined {
    const claims = [...this.rules.values()].filter(({ kinds = [] }) => kinds.some((each) => matchesKind(each, kind)));
    const own = claims.filter(({ pack }) => !this.editions.get(pack)!.shipped);
    return (own[0] ?? claims[0])?.journeyType;
  }

  /** Shipped ones first, so that one's own take their place; the id decides where two processes published at once. */
  private settle(): void {
    const order = [...this.editions].sort(
      ([a, { shipped: x }], [b, { shipped: y }]) => Number(y) - Number(x) || (a < b ? 1 : -1),
    );
    this.rules = new Map();
    for (const [pack, { version, rules }] of order) {
      for (const rule of rules) this.rules.set(rule.journeyType, { ...rule, pack, version });
    }
  }
}
