// Why there is no schema, and what to do.

import { explainClose } from './close_codes.js';
import { askHealth } from './health.js';
import { kShowSchemaSql } from './sql.js';

// {meaning, advice, sql} of a SchemaError.
export async function explainSchemaProblem({ message, code }) {
  // By HTTP this is refused for the same reason as by WebSocket.
  if (code === 'UNAUTHENTICATED') return explainClose(4403);
  if (code === 'SERVICE_UNAVAILABLE') {
    const problem = await askHealth();
    if (problem) return problem;
  }
  if (message.includes('introspection has been disabled')) {
    return {
      meaning: 'The server keeps its schema to itself.',
      advice: 'Operations run without it. To see it here, run this:',
      sql: kShowSchemaSql,
    };
  }
  return { meaning: message, advice: 'It is asked for again every few seconds.', sql: null };
}
