/** From the file's lists of conditions to rules with names, and from its named conditions to what they stand for. */

import { positiveLeaves } from './conditions.ts';
import type { Path } from './issue.ts';
import { refuseRuleKeys, resolveCondition, type Scope } from './resolve-condition.ts';
import type { WrittenCondition } from './schema.ts';
import type { Condition, Rule } from './types.ts';

/** Names that name names double quickly; every rule is evaluated and printed whole. */
const maxParts = 500;
const maxNamesDeep = 32;

export type RuleList = 'deny' | 'allow' | 'ask' | 'approvers' | 'admins';

/** `owner` is how the list is called to people: `db-admin.allow`. */
export function resolveRules(
  written: readonly WrittenCondition[],
  list: RuleList,
  owner: string,
  path: Path,
  graceMs: number,
  scope: Scope,
): Rule[] {
  return written.flatMap((one, index) => {
    const at = [...path, index];
    const condition = resolveCondition(one, at, scope);
    const { until, grace } = ruleKeysOf(one);
    if (list === 'allow' || list === 'ask') checkUntil(until, grace, condition, at, scope);
    else refuseRuleKeys(at, scope);
    if (condition === undefined || isTooLarge(condition, at, scope)) return [];
    if (list !== 'deny' && !namesAnybody(condition)) noticeEverybody(at, scope);
    if (list === 'allow') noticeSelfMade(condition, at, scope);
    const name = `${owner}[${index}]${typeof one === 'string' ? ` ${one}` : ''}`;
    return [{ name, condition, ...(until === undefined ? {} : { until }), graceMs: grace ?? graceMs }];
  });
}

function ruleKeysOf(written: WrittenCondition): { until?: 'shift' | 'incident'; grace?: number } {
  return typeof written === 'object' && !Array.isArray(written) ? (written as { until?: 'shift' | 'incident'; grace?: number }) : {};
}

function checkUntil(
  until: 'shift' | 'incident' | undefined,
  grace: number | undefined,
  condition: Condition | undefined,
  path: Path,
  scope: Scope,
): void {
  if (grace !== undefined && !scope.keysAt(path).includes('until')) {
    scope.report({ code: 'orphan-key', message: '"grace" means nothing without "until" beside it', path: [...path, 'grace'], on: 'key' });
  }
  if (until === undefined || condition === undefined) return;
  const needed = until === 'shift' ? 'onCall' : 'incident';
  if (positiveLeaves(condition).some(({ kind }) => kind === needed)) return;
  scope.report({
    code: `until-without-${until}`,
    message: `"until: ${until}" needs "${needed}" in the same rule`,
    path: [...path, 'until'],
  });
}

/** What stands under `not`, and the hours of `during`, only take away. */
function namesAnybody(condition: Condition): boolean {
  if (condition.kind === 'all') return condition.conditions.some(namesAnybody);
  if (condition.kind === 'any') return condition.conditions.every(namesAnybody);
  return condition.kind !== 'not' && condition.kind !== 'during';
}

function noticeEverybody(path: Path, { report }: Scope): void {
  report({
    severity: 'warning',
    code: 'everybody',
    message: 'this names nobody, so it holds for everybody who can sign in',
    hint: 'say who is meant besides: user, client, member, onCall or incident',
    path,
  });
}

/** An incident is opened by a click: then so is the door. */
function noticeSelfMade(condition: Condition, path: Path, { keysAt, report }: Scope): void {
  if (!positiveLeaves(condition).some((leaf) => leaf.kind === 'incident' && leaf.selfMade === 'allow')) return;
  report({
    severity: 'warning',
    code: 'self-made',
    message: 'whoever opens an incident, or assigns one to themselves, gets in at once',
    hint: 'take "selfMade: allow" out, and an approver decides about those',
    path: keysAt(path).includes('selfMade') ? [...path, 'selfMade'] : path,
  });
}

function isTooLarge(condition: Condition, path: Path, scope: Scope): boolean {
  if (partsOf(condition, new Map()) <= maxParts) return false;
  scope.report({ code: 'too-many-conditions', message: `with all names written out this is more than ${maxParts} conditions`, path });
  return true;
}

/** Named conditions are shared, so each is counted once and added as often as it is named. */
function partsOf(condition: Condition, counted: Map<Condition, number>): number {
  const known = counted.get(condition);
  if (known !== undefined) return known;
  const inner =
    condition.kind === 'not' ? [condition.condition] : condition.kind === 'all' || condition.kind === 'any' ? condition.conditions : [];
  const parts = inner.reduce((sum, one) => sum + partsOf(one, counted), 1);
  counted.set(condition, parts);
  return parts;
}

/** Gives `Scope.named`. `declared` has the faulty ones too. */
export function nameConditions(
  written: Readonly<Record<string, WrittenCondition>>,
  declared: readonly string[],
  scopeWith: (named: Scope['named']) => Scope,
): Scope['named'] {
  const resolved = new Map<string, Condition | 'faulty' | 'underway'>();
  const scope = scopeWith(named);
  let depth = 0;
  function named(name: string, path: Path): Condition | 'faulty' | 'undeclared' {
    const known = resolved.get(name);
    if (known === 'underway') {
      scope.report({ code: 'circular-condition', message: `the condition "${name}" leads back to itself`, path });
      return 'faulty';
    }
    if (known !== undefined) return known;
    const one = Object.hasOwn(written, name) ? written[name] : undefined;
    if (one === undefined) return declared.includes(name) ? 'faulty' : 'undeclared';
    if (depth >= maxNamesDeep) {
      scope.report({ code: 'too-many-conditions', message: `more than ${maxNamesDeep} conditions name one another in a row`, path });
      return 'faulty';
    }
    resolved.set(name, 'underway');
    depth += 1;
    const at = ['conditions', name];
    refuseRuleKeys(at, scope);
    const condition = resolveCondition(one, at, scope);
    const result = condition === undefined || isTooLarge(condition, at, scope) ? 'faulty' : condition;
    resolved.set(name, result);
    depth -= 1;
    return result;
  }
  for (const name of Object.keys(written)) named(name, ['conditions', name]);
  return named;
}
