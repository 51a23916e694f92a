/** An IAM role of AWS as a target: inside the program a group whose name is the role's ARN, which no group of IAM could have. */

import type { Target } from './types.ts';

/** Account and name; a path may stand before the name. */
const roleArn = /^arn:aws(?:-[a-z]+)*:iam::(\d{12}):role\/(?:[\x21-\x7e]+\/)?([\w+=,.@-]{1,64})$/;

/** As a role with parameters may have it: `…:role/support-{customer}`. */
export const writtenRoleArn = /^arn:aws(?:-[a-z]+)*:iam::\d{12}:role\/(?:[\x21-\x7e]+\/)?(?:[\w+=,.@-]|\{\w+\}){1,64}$/;

/** Nobody means a group by it, be it the ARN of an IAM role or not. */
export const isIamArn = (group: string): boolean => /^arn:aws[a-z-]*:iam::/.test(group);

export type IamRole = { readonly arn: string; readonly account: string; readonly name: string };

/** `undefined`: an ordinary group. */
export function iamRoleIn(group: string): IamRole | undefined {
  const [arn, account, name] = roleArn.exec(group) ?? [];
  return arn === undefined || account === undefined || name === undefined ? undefined : { arn, account, name };
}

/** What people call it. An account has no two IAM roles of one name, whatever their paths. */
export function titleOf(group: string): string {
  const role = iamRoleIn(group);
  return role === undefined ? group : `IAM role ${role.name}`;
}

export const nameOf = ({ directory, group }: Target): string => `${directory}/${titleOf(group)}`;

/** As the policy spells it. */
export function writtenTarget({ directory, group }: Target): Target | { readonly directory: string; readonly assumeRole: string } {
  return iamRoleIn(group) === undefined ? { directory, group } : { directory, assumeRole: group };
}
