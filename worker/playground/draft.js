// What is being written: from the URL, else as it was left the last time.

const kKey = 'fraiseql_subs.playground';

export const kWelcome = '# Choose a subscription from the schema,\n# or write one.\n';

// Storage may be switched off for this page; then nothing is remembered.
function stored() {
  try {
    return JSON.parse(localStorage.getItem(kKey)) ?? {};
  } catch {
    return {};
  }
}

export function loadDraft() {
  const parameters = new URLSearchParams(location.search);
  if (parameters.has('query')) {
    return { query: parameters.get('query'), variables: parameters.get('variables') ?? '' };
  }
  const { query, variables } = stored();
  return {
    query: typeof query === 'string' && query.trim() ? query : kWelcome,
    variables: typeof variables === 'string' ? variables : '',
  };
}

export function saveDraft(draft) {
  try {
    localStorage.setItem(kKey, JSON.stringify(draft));
  } catch {
    // Nothing depends on it.
  }
}
