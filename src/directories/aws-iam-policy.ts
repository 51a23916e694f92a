/** The inline policy by which a user may assume an IAM role until an end: how it is called and written, and what one that is found means. */

import type { IamRole } from '../policy/iam-role.ts';

/** Beside the user's own. An account has no two IAM roles of one name. */
export const policyName = ({ name }: IamRole): string => `oncall-${name}`;

/** AWS goes by its own clock, in seconds; nothing that a person wrote is in it. As short as can be: all of a user's have 2,048 characters. */
export function policyDocument({ arn }: IamRole, until: number): string {
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: {
      Effect: 'Allow',
      Action: 'sts:AssumeRole',
      Resource: arn,
      Condition: { DateLessThan: { 'aws:CurrentTime': instant(until) } },
    },
  });
}

const instant = (at: number): string => new Date(at - (((at % 1000) + 1000) % 1000)).toISOString().replace('.000Z', 'Z');

/** `other`: it is not what this program writes, so nobody can tell what it allows. */
export type Meaning = 'lets-in' | 'over' | 'other';

/** `encoded`: as IAM answers it, by RFC 3986. */
export function meaningOf(encoded: string, { arn }: IamRole, now: number): Meaning {
  const statement = onlyStatement(encoded);
  if (statement === undefined || statement.Effect !== 'Allow') return 'other';
  if (only(statement.Action) !== 'sts:AssumeRole' || only(statement.Resource) !== arn) return 'other';
  const { Condition: condition, ...rest } = statement;
  if (Object.keys(rest).some((key) => !['Sid', 'Effect', 'Action', 'Resource'].includes(key))) return 'other';
  // One that an admin added beside the date may keep them out: but may also not.
  const end = only(isMap(condition) && isMap(condition.DateLessThan) ? condition.DateLessThan['aws:CurrentTime'] : undefined);
  return typeof end === 'string' && Date.parse(end) <= now ? 'over' : 'lets-in';
}

type Map = Readonly<Record<string, unknown>>;
const isMap = (value: unknown): value is Map => typeof value === 'object' && value !== null && !Array.isArray(value);

/** IAM takes one value and a list of one for the same. */
const only = (value: unknown): unknown => (Array.isArray(value) && value.length === 1 ? value[0] : value);

function onlyStatement(encoded: string): Map | undefined {
  try {
    const document: unknown = JSON.parse(encoded.trimStart().startsWith('{') ? encoded : decodeURIComponent(encoded));
    const statement = only(isMap(document) ? document.Statement : undefined);
    return isMap(statement) ? statement : undefined;
  } catch {
    return undefined;
  }
}
