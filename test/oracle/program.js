// The C++ side: a program that answers questions (oracle.cpp).
import { spawnSync } from 'node:child_process';

export class Program {
  constructor(path) {
    this.path = path;
  }

  // The answers to `questions`, which may depend on those before. If the program ends early, the
  // answer to the question at which it did tells why, and there are no more.
  ask(questions) {
    const run = spawnSync(this.path, {
      input: questions.map((question) => `${JSON.stringify(question)}\n`).join(''),
      maxBuffer: 1 << 30,
    });
    const answers = run.stdout
      .toString()
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line));
    if (answers.length < questions.length) {
      const reason = run.error ?? run.signal ?? run.stderr.toString().slice(0, 4000);
      answers.push({ crash: `the program ended: ${reason}` });
    }
    return answers;
  }
}
