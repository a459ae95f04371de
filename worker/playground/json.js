// JSON whose numbers keep every digit: one that JavaScript cannot hold, such as a large bigint, stays
// as it was written.

export const isObject = (value) =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !JSON.isRawJSON?.(value);

export function parseJson(text) {
  return JSON.parse(text, (_key, value, context) => {
    const isLossy = typeof value === 'number' && context && JSON.rawJSON && String(value) !== context.source;
    return isLossy ? JSON.rawJSON(context.source) : value;
  });
}
