// Building a schema: whether random SDL, mostly broken a little, is accepted.
import { buildSchema, validateSchema } from 'graphql';
import { breakTokens } from './noise.js';
import { Random } from './random.js';
import { randomSchema } from './random_schema.js';

export const schemas = {
  name: 'schemas',
  groupSize: 50,

  group(seed, index) {
    return {
      question(at) {
        const random = new Random(seed, index, at);
        const sdl = randomSchema(random);
        return { schema: random.chance(0.1) ? sdl : breakTokens(random, sdl) };
      },
      judge({ schema }) {
        try {
          return { accepted: validateSchema(buildSchema(schema)).length === 0 };
        } catch {
          return { accepted: false };
        }
      },
      reduce: (answer) => ({ accepted: answer.errors?.length === 0 }),
    };
  },

  *smaller() {},
};
