// Parsing and validation: random documents against random schemas.
import {
  GraphQLError,
  NoSchemaIntrospectionCustomRule,
  buildSchema,
  parse,
  specifiedRules,
  validate,
} from 'graphql';
import { heavyDocument } from './heavy_document.js';
import { breakBytes, breakTokens, tokens } from './noise.js';
import { october2021 } from './october_2021.js';
import { Random } from './random.js';
import { randomDocument } from './random_document.js';
import { randomSchema } from './random_schema.js';

function document(random, schema) {
  if (random.chance(0.03)) return heavyDocument(random, schema);
  switch (random.below(10)) {
    case 0:
    case 1:
      return randomDocument(random, schema, 0);
    case 2:
    case 3:
    case 4:
      return randomDocument(random, schema, 0.02);
    case 5:
    case 6:
      return randomDocument(random, schema, 0.1);
    case 7:
      return randomDocument(random, schema, 0.3);
    case 8:
      return breakTokens(random, randomDocument(random, schema, random.pick([0, 0.05])));
    default:
      return breakBytes(random, randomDocument(random, schema, random.pick([0, 0.05])));
  }
}

function options(random) {
  const chosen = {};
  if (random.chance(0.1)) chosen.maxTokens = random.below(60);
  if (random.chance(0.1)) chosen.maxErrors = random.below(4);
  if (random.chance(0.1)) chosen.hideSuggestions = true;
  if (random.chance(0.1)) chosen.noIntrospection = true;
  return chosen;
}

// What graphql-js makes of a document.
export function check(
  schema,
  { document, maxTokens, maxErrors, hideSuggestions, noIntrospection },
) {
  try {
    const parsed = parse(document, { maxTokens });
    const rules = noIntrospection
      ? [...specifiedRules, NoSchemaIntrospectionCustomRule]
      : specifiedRules;
    return {
      document: parsed,
      errors: validate(schema, parsed, rules, { maxErrors, hideSuggestions }),
    };
  } catch (error) {
    if (!(error instanceof GraphQLError)) throw error;
    return { errors: [error] };
  }
}

export const documents = {
  name: 'documents',
  groupSize: 50,

  group(seed, index) {
    const sdl = randomSchema(new Random(seed, index));
    const schema = october2021(buildSchema(sdl));
    return {
      setup: { schema: sdl },
      question(at) {
        const random = new Random(seed, index, at);
        return { document: document(random, schema), ...options(random) };
      },
      judge: (question) => ({ errors: check(schema, question).errors }),
    };
  },

  // Smaller questions of the same kind, for the report of a failure.
  *smaller(question) {
    const parts = tokens(question.document);
    for (let size = Math.ceil(parts.length / 2); size > 0; size >>= 1) {
      for (let at = 0; at < parts.length; at += size) {
        yield {
          ...question,
          document: [...parts.slice(0, at), ...parts.slice(at + size)].join(''),
        };
      }
    }
  },
};
