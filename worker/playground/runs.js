// What runs. Each run has a row among the operations and its entries among the events. Equal requests
// are one run.

import { latencyMs, preciseNow } from './latency.js';

const kSubscribedAgain = 'Subscribed again. What was committed in between is not delivered.';

export class Runs {
  #transport;
  #list;
  #events;
  #hooks;
  #runs = new Map();

  // Hooks: onChange() when something starts to run or does so no more; onTaken(label) when the server
  // has an operation that was asked for; onRefused(request, errors) when it will not run it.
  constructor(transport, list, events, hooks) {
    this.#transport = transport;
    this.#list = list;
    this.#events = events;
    this.#hooks = hooks;
  }

  get count() {
    return this.#runs.size;
  }

  isRunning(request) {
    return this.#runs.has(keyOf(request));
  }

  // A request is {label, kind, payload}; payload is what `subscribe` sends.
  start(request) {
    const key = keyOf(request);
    if (this.#runs.has(key)) return;
    const row = this.#list.add(request.label, request.kind, () => this.stop(request));
    const run = { key, request, id: null, row };
    this.#runs.set(key, run);
    this.#send(run);
    this.#hooks.onChange();
  }

  stop(request) {
    const run = this.#runs.get(keyOf(request));
    this.#transport.stop(run.id);
    this.#remove(run);
  }

  #remove(run) {
    this.#runs.delete(run.key);
    run.row.remove();
    this.#hooks.onChange();
  }

  #send(run) {
    const { request, row } = run;
    const { label, kind, payload } = request;
    const isSubscription = kind === 'subscription';
    let taken = false;
    let interrupted = false;
    row.setState(this.#transport.isConnected ? 'starting' : 'waiting for a connection');
    const take = () => {
      if (!taken) this.#hooks.onTaken(label);
      taken = true;
    };
    const add = (entry) => this.#events.add({ source: label, hue: row.hue, arrival: preciseNow(), ...entry });
    run.id = this.#transport.start(payload, {
      onActive: () => {
        row.setState(isSubscription ? 'listening' : 'waiting');
        take();
        if (interrupted) add({ kind: 'note', body: kSubscribedAgain });
        interrupted = false;
      },
      onWaiting: () => {
        row.setState('disconnected');
        interrupted = taken && isSubscription;
      },
      onNext: (body) => {
        const arrival = preciseNow();
        // A query is answered before the server says that it has it.
        take();
        row.count();
        if (isSubscription) add({ kind: 'next', body, arrival, latency: latencyMs(body, arrival) });
        else add({ kind: 'result', body });
      },
      onError: (errors) => {
        this.#remove(run);
        // What ran until now did so whatever is in the editor by then.
        if (taken || !this.#hooks.onRefused(request, errors)) add({ kind: 'error', body: { errors } });
      },
      onComplete: () => this.#remove(run),
    });
  }
}

function keyOf({ payload }) {
  return JSON.stringify(payload);
}
