// Compares fraiseql_subs with graphql-js on random cases.
//
//   node test/oracle/run.js [--mode MODE] [--seed N] [--cases N] [--only N] [--program PATH]
//
// MODE is documents, schemas, execution or access; --only repeats one case of a seed. Writes TAP.
import { parseArgs } from 'node:util';
import { access } from './access.js';
import { documents } from './documents.js';
import { execution } from './execution.js';
import { knownDifferences } from './known_differences.js';
import { Program } from './program.js';
import { schemas } from './schemas.js';

const kModes = { documents, schemas, execution, access };
const kGroupsPerRun = 40;
const kReported = 5;

const { values: options } = parseArgs({
  options: {
    mode: { type: 'string', default: 'documents' },
    seed: { type: 'string', default: '1' },
    cases: { type: 'string', default: '20000' },
    only: { type: 'string' },
    program: { type: 'string', default: 'build/asan/oracle' },
  },
});
const mode = kModes[options.mode];
const seed = Number(options.seed);
const program = new Program(options.program);

// What both sides must agree on.
function essence(answer) {
  const plain = JSON.parse(JSON.stringify(answer));
  for (const error of plain.errors ?? []) delete error.extensions;
  delete plain.extensions;
  if (plain.errors?.length === 0) delete plain.errors;
  return plain;
}

function differ(group, question, answer) {
  const theirs = essence(group.judge(question));
  const ours = essence(group.reduce?.(answer, question) ?? answer);
  if (JSON.stringify(theirs) === JSON.stringify(ours)) return null;
  const known = Object.entries(knownDifferences).find(([, matches]) =>
    matches(theirs, ours, question, answer),
  );
  return { theirs, ours, known: known?.[0] };
}

// Failures that are alike: the first line on which the sides differ, without names and numbers.
function kindOf({ theirs, ours }) {
  if (ours.crash) return 'crash';
  const lines = (answer) => (answer.errors ?? []).map((error) => JSON.stringify(error));
  const [a, b] = [lines(theirs), lines(ours)];
  const at = a.findIndex((line, index) => line !== b[index]);
  const index = at < 0 ? a.length : at;
  if (a[index] === undefined && b[index] === undefined) return 'data';
  return [a[index], b[index]]
    .map((line) =>
      String(line)
        .replace(/\\".*?\\"/g, '""')
        .replace(/\d+/g, '0'),
    )
    .join(' <> ');
}

function shrink(failure) {
  const { group } = failure;
  let { question } = failure;
  let found = failure;
  for (let again = true; again;) {
    again = false;
    for (const smaller of mode.smaller(question)) {
      const answer = program.ask([...(group.setup ? [group.setup] : []), smaller]).at(-1);
      const difference = differ(group, smaller, answer);
      if (!difference || difference.known || kindOf(difference) !== failure.kind) continue;
      question = smaller;
      found = { ...failure, ...difference, question };
      again = true;
      break;
    }
  }
  return found;
}

function runGroups(indexes, wanted, tally) {
  const asked = [];
  for (const index of indexes) {
    const group = mode.group(seed, index);
    if (group.setup) asked.push({ group, question: group.setup, setup: true });
    for (let at = 0; at < mode.groupSize; at++) {
      const number = index * mode.groupSize + at;
      if (wanted(number)) asked.push({ group, number, question: group.question(at) });
    }
  }
  const answers = program.ask(asked.map(({ question }) => question));
  answers.forEach((answer, i) => {
    const { group, number, question, setup } = asked[i];
    if (setup && !answer.crash) {
      if (answer.errors?.length)
        throw new Error(`refused: ${JSON.stringify(answer)} ${JSON.stringify(question)}`);
      return;
    }
    tally.cases++;
    const difference = differ(group, question, answer);
    if (!difference) {
      tally[answer.errors?.length ? 'refused' : 'accepted']++;
    } else if (difference.known) {
      tally.known[difference.known] = (tally.known[difference.known] ?? 0) + 1;
    } else {
      const failure = { group, number, question, ...difference };
      failure.kind = kindOf(failure);
      tally.failures.push(failure);
    }
  });
}

const tally = { cases: 0, accepted: 0, refused: 0, known: {}, failures: [] };
const only = options.only === undefined ? undefined : Number(options.only);
const groups = only === undefined ? Math.ceil(Number(options.cases) / mode.groupSize) : 1;
const first = only === undefined ? 0 : Math.floor(only / mode.groupSize);
for (let at = 0; at < groups; at += kGroupsPerRun) {
  const indexes = Array.from(
    { length: Math.min(kGroupsPerRun, groups - at) },
    (_, i) => first + at + i,
  );
  runGroups(indexes, (number) => only === undefined || number === only, tally);
}

const kinds = new Map();
for (const failure of tally.failures)
  kinds.set(failure.kind, [...(kinds.get(failure.kind) ?? []), failure]);
for (const failures of [...kinds.values()].slice(0, kReported)) {
  const { number, question, theirs, ours } = shrink(failures[0]);
  console.log(
    `# ${failures.length} such: node test/oracle/run.js --mode ${mode.name} --seed ${seed} --only ${number}`,
  );
  console.log(`#   question   ${JSON.stringify(question)}`);
  console.log(`#   graphql-js ${JSON.stringify(theirs)}`);
  console.log(`#   ours       ${JSON.stringify(ours)}`);
}
console.log(
  `# seed ${seed}: ${tally.cases} cases, both accept ${tally.accepted}, both refuse ${tally.refused}, known differences ${JSON.stringify(tally.known)}`,
);
console.log(
  `${tally.failures.length ? 'not ok' : 'ok'} - ${mode.name}, seed ${seed}, ${tally.cases} cases`,
);
process.exitCode = tally.failures.length ? 1 : 0;
