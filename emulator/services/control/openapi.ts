/** The control port described for programs: OpenAPI 3.1, whose schemas are JSON Schema 2020-12, made from the schemas that check the requests. */
import { z } from 'zod';
import { REFUSAL } from './schema.ts';

/** What is said of a route. */
export interface DescribedRoute {
  readonly method: string;
  /** With parameters as `:name`. */
  readonly path: string;
  readonly doc: string;
  readonly body?: z.ZodType;
  readonly query?: z.ZodType;
  readonly answer: z.ZodType;
}

/** A schema as JSON Schema 2020-12. @param io `input`: as callers write it, defaults left out; `output`: as it is answered */
export function jsonSchema(type: z.ZodType, io: 'input' | 'output'): Record<string, unknown> {
  const { $schema: _, ...rest } = z.toJSONSchema(type, { io });
  return rest;
}

/** The document about every route. */
export function openApi(routes: readonly DescribedRoute[]): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    const path = route.path.replaceAll(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route) };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'teemu control port', version: '1', description: 'Turns an emulator of confidential-computing hardware. Everything behind it is made from test keys and proves nothing.' },
    jsonSchemaDialect: 'https://json-schema.org/draft/2020-12/schema',
    paths,
    components: { schemas: { Refusal: jsonSchema(REFUSAL, 'output') } },
  };
}

function operation({ method, path, doc, body, query, answer }: DescribedRoute): Record<string, unknown> {
  const json = (schema: unknown): unknown => ({ 'application/json': { schema } });
  const inPath = [...path.matchAll(/:(\w+)/g)].map(([, name = '']) => ({ name, in: 'path', required: true, schema: { type: 'string' } }));
  const inQuery = Object.entries(query ? (jsonSchema(query, 'input').properties ?? {}) : {}).map(([name, schema]) => ({ name, in: 'query', required: false, schema: schema as unknown }));
  return {
    operationId: `${method.toLowerCase()}${path.replaceAll(/[/:]+(\w?)/g, (_, first: string) => first.toUpperCase())}`,
    summary: doc,
    ...(inPath.length + inQuery.length > 0 ? { parameters: [...inPath, ...inQuery] } : {}),
    ...(body ? { requestBody: { content: json(jsonSchema(body, 'input')) } } : {}),
    responses: { 200: { description: 'done', content: json(jsonSchema(answer, 'output')) }, default: { description: 'refused', content: json({ $ref: '#/components/schemas/Refusal' }) } },
  };
}
