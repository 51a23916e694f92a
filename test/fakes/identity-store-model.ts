/** What the Identity Store may be asked and may answer, by two descriptions of it: the schemas in AWS's SDK, and the fuller model that comes with botocore. */

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import * as sdk from '@aws-sdk/client-identitystore';

/** What is wrong with a value of that shape: `GetUserIdRequest`, `GetUserIdResponse`, `ConflictException`. */
export type Judge = (shape: string, value: unknown) => readonly string[];

type Fields = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);

function fields(at: string, value: Fields, known: readonly string[], required: readonly string[]): string[] {
  return [
    ...Object.keys(value).flatMap((name) => (known.includes(name) ? [] : [`${at}.${name} is not known`])),
    ...required.flatMap((name) => (value[name] === undefined ? [`${at}.${name} is missing`] : [])),
  ];
}

/** A schema of the SDK's: a number for what is simple, an array that begins with its kind, or either with its traits or behind a function. */
type Schema = number | (() => Schema) | readonly unknown[];
const simple: Readonly<Record<number, string>> = { 0: 'string', 1: 'number', 2: 'boolean', 4: 'number' };

export const sdkJudge: Judge = (shape, value) => {
  const schema = (sdk as unknown as Readonly<Record<string, Schema>>)[`${shape}$`];
  return schema === undefined ? [`${shape} is no shape of the SDK's`] : checkSdk(shape, schema, value);
};

function checkSdk(at: string, schema: Schema, value: unknown): string[] {
  if (typeof schema === 'function') return checkSdk(at, schema(), value);
  if (typeof schema === 'number') {
    if (schema === 15) return [];
    if (schema >= 64)
      return Array.isArray(value) ? value.flatMap((one, index) => checkSdk(`${at}[${index}]`, schema - 64, one)) : [`${at} is no list`];
    return typeof value === simple[schema] ? [] : [`${at} is no ${simple[schema]}`];
  }
  const [kind, , , , inner, members, required] = schema as readonly [number | Schema, ...unknown[]];
  if (typeof kind !== 'number') return checkSdk(at, kind, value);
  if (kind === 0) return checkSdk(at, inner as Schema, value);
  if (kind === 1)
    return Array.isArray(value) ? value.flatMap((one, index) => checkSdk(`${at}[${index}]`, inner as Schema, one)) : [`${at} is no list`];
  if (!isObject(value)) return [`${at} is no object`];
  const names = inner as readonly string[];
  const one = kind === 4 && Object.keys(value).length !== 1 ? [`${at} is not one of its kinds`] : [];
  return [
    ...one,
    ...fields(at, value, names, names.slice(0, Number(required ?? 0))),
    ...names.flatMap((name, index) =>
      value[name] === undefined ? [] : checkSdk(`${at}.${name}`, (members as readonly Schema[])[index] as Schema, value[name]),
    ),
  ];
}

type Shape = {
  readonly type: string;
  readonly required?: readonly string[];
  readonly members?: Readonly<Record<string, { readonly shape: string }>>;
  readonly member?: { readonly shape: string };
  readonly pattern?: string;
  readonly enum?: readonly string[];
  readonly min?: number;
  readonly max?: number;
  readonly union?: boolean;
  readonly document?: boolean;
};

/** `undefined`: there is no botocore here. */
export function botocoreJudge(): Judge | undefined {
  const { stdout } = spawnSync('python3', ['-c', 'import botocore, os; print(os.path.dirname(botocore.__file__))'], { encoding: 'utf8' });
  const path = join(stdout?.trim() || '/nowhere', 'data/identitystore/2020-06-15/service-2.json');
  const text = existsSync(path) ? readFileSync(path) : existsSync(`${path}.gz`) ? gunzipSync(readFileSync(`${path}.gz`)) : undefined;
  if (text === undefined) return undefined;
  const { shapes } = JSON.parse(text.toString()) as { shapes: Readonly<Record<string, Shape>> };
  const check = (at: string, name: string, value: unknown): string[] => {
    const shape = shapes[name];
    if (shape === undefined) return [`${name} is no shape of AWS's`];
    if (shape.document) return [];
    if (shape.type === 'structure') {
      if (!isObject(value)) return [`${at} is no object`];
      const members = shape.members ?? {};
      return [
        ...(shape.union && Object.keys(value).length !== 1 ? [`${at} is not one of its kinds`] : []),
        ...fields(at, value, Object.keys(members), shape.required ?? []),
        ...Object.entries(members).flatMap(([one, { shape: of }]) =>
          value[one] === undefined ? [] : check(`${at}.${one}`, of, value[one]),
        ),
      ];
    }
    if (shape.type === 'list') {
      if (!Array.isArray(value)) return [`${at} is no list`];
      return [...size(at, shape, value.length), ...value.flatMap((one, index) => check(`${at}[${index}]`, shape.member?.shape ?? '', one))];
    }
    return checkSimple(at, shape, value);
  };
  return (shape, value) => check(shape, shape, value);
}

const scalar: Readonly<Record<string, string>> = { string: 'string', integer: 'number', timestamp: 'number', boolean: 'boolean' };

function checkSimple(at: string, shape: Shape, value: unknown): string[] {
  if (typeof value !== scalar[shape.type]) return [`${at} is no ${shape.type}`];
  if (typeof value === 'number') return size(at, shape, value);
  if (typeof value !== 'string') return [];
  const fits = shape.pattern === undefined || new RegExp(`^(?:${shape.pattern})$`, 'u').test(value);
  return [
    ...size(at, shape, value.length),
    ...(fits ? [] : [`${at} does not match ${shape.pattern}`]),
    ...(shape.enum === undefined || shape.enum.includes(value) ? [] : [`${at} is none of ${shape.enum}`]),
  ];
}

function size(at: string, { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY }: Shape, value: number): string[] {
  return value < min || value > max ? [`${at} has ${value}, not ${min} to ${max}`] : [];
}
