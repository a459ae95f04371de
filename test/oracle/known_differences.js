// Where fraiseql_subs differs from graphql-js on purpose. docs/graphql-js.md gives the reason of each
// under the same name. A predicate sees what is compared of both
// answers, the question and all of our answer, and is as narrow as it can be.

const kHalfOfAPair = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

const kNullArgument =
  /^Argument "\w+" (of non-null type ".*" must not be null|has invalid value [^]*)\.$/;
const kNullCondition = 'Argument "if" of non-null type "Boolean!" must not be null.';

const kMisfit =
  /^((Int|Float|String|Boolean|ID|Enum "\w+") cannot represent |Value "\w+" does not exist in |Expected value of type |Field "[\w.]+" (of required type |is not defined by ))/;

export const knownDifferences = {
  // UTF-8 has no half of a surrogate pair, which graphql-js quotes where an escape ends inside one.
  'half a surrogate pair': (theirs, ours) =>
    equal(replaceInMessages(theirs, kHalfOfAPair, ''), ours),

  // An event comes with no functions, so its data has to say.
  'abstract type without __typename': (theirs, ours) =>
    equal(
      replaceInMessages(
        theirs,
        / Either the "\w+" type should provide a "resolveType" function.*/,
        ' Its data needs a "__typename".',
      ),
      ours,
    ),

  // What would fail for each event is refused once, when the client subscribes.
  'null where a Boolean! decides': (theirs, ours, question) =>
    Object.values(question.variables ?? {}).includes(null) &&
    !('data' in ours) &&
    ours.errors?.every(({ message }) => message === kNullCondition),

  // No resolver gets the arguments of fields below the root, so none of their values is missed.
  'null for an argument below the root': (theirs, ours, question) =>
    Object.values(question.variables ?? {}).includes(null) &&
    theirs.errors?.some(({ message, path }) => kNullArgument.test(message) && path?.length > 1),

  // Default values that do not fit would be found by the first client that relies on them.
  'default value of another type': (theirs, ours, question, answer) =>
    theirs.accepted && answer.errors?.every(({ message }) => kMisfit.test(message)),

  // buildSchema passes over such a definition without a word.
  'type of the specification defined anew': (theirs, ours, question, answer) =>
    theirs.accepted &&
    answer.errors?.every(({ message }) => message.endsWith('cannot be redefined.')),

  // buildSchema passes over operations and fragments; here they are most likely a mistake.
  'operation among type definitions': (theirs, ours, question, answer) =>
    theirs.accepted &&
    answer.errors?.every(({ message }) => /^An? \w+ is not a type definition\.$/.test(message)),

  // A subscription of which @skip or @include leave nothing would never deliver anything.
  'subscription to nothing': (theirs, ours) =>
    equal(theirs, { data: {} }) &&
    ours.errors?.[0].message === 'The operation selects no field, or too many.',
};

function equal(a, b) {
  return JSON.stringify(a) === JSON.stringify(b);
}

function replaceInMessages(answer, pattern, replacement) {
  const errors = answer.errors?.map((error) => ({
    ...error,
    message: error.message.replace(pattern, replacement),
  }));
  return errors ? { ...answer, errors } : answer;
}
