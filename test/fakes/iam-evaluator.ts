/** Whether one IAM policy allows one call at one moment, by AWS's own rules for the few words that it knows; anything else is an error, not a guess. moto looks at no date. */

export type Asked = { readonly action: string; readonly resource: string; readonly at: number };

type Json = Readonly<Record<string, unknown>>;

export function allows(document: string, asked: Asked): boolean {
  const { Version, Statement, ...more } = JSON.parse(document) as Json;
  if (Version !== '2012-10-17' || Object.keys(more).length > 0) throw new Error('a policy of another kind');
  return (Array.isArray(Statement) ? Statement : [Statement]).some((statement: Json) => statementAllows(statement, asked));
}

function statementAllows(statement: Json, { action, resource, at }: Asked): boolean {
  const { Effect, Action, Resource, Condition, ...more } = statement;
  if (Effect !== 'Allow' || Object.keys(more).length > 0) throw new Error('a statement of another kind');
  if (typeof Action !== 'string' || typeof Resource !== 'string' || /[*?]/.test(Action + Resource)) throw new Error('a pattern, or a list');
  // Actions are the same in either case, ARNs are not.
  return Action.toLowerCase() === action.toLowerCase() && Resource === resource && holds(Condition, at);
}

function holds(condition: unknown, at: number): boolean {
  if (condition === undefined) return true;
  const { DateLessThan, ...operators } = condition as Json;
  const { 'aws:CurrentTime': end, ...keys } = (DateLessThan ?? {}) as Json;
  if (Object.keys(operators).length + Object.keys(keys).length > 0) throw new Error('a condition of another kind');
  // ISO 8601 as IAM takes it: to the second, in UTC.
  if (typeof end !== 'string' || !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(end)) throw new Error(`not a date of IAM: ${end}`);
  return at < Date.parse(end);
}
