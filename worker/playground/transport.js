// graphql-transport-ws over one WebSocket that is opened again when it was lost. Operations outlive
// the socket: what has not completed is sent again.

import { explainClose } from './close_codes.js';
import { parseJson } from './json.js';

const kSubprotocol = 'graphql-transport-ws';
const kFirstRetryMs = 500;
const kLongestRetryMs = 15000;
// A connection that was lost sooner after it stood counts as one more failure: a server that accepts
// and then closes is not to be asked all the time.
const kSteadyMs = 15000;

export class Transport {
  #url;
  #onState;
  #socket = null;
  #connectedAt = null;
  #operations = new Map();
  #lastId = 0;
  #failures = 0;
  #retry = null;

  // onState({name, ...}): name is connecting, connected or closed; closed has code, reason, meaning,
  // advice, sql and retryMs, which is null when nothing will be tried.
  constructor(url, onState) {
    this.#url = url;
    this.#onState = onState;
  }

  get isConnected() {
    return this.#connectedAt !== null;
  }

  connect() {
    clearTimeout(this.#retry);
    const abandoned = this.#socket;
    const socket = new WebSocket(this.#url, kSubprotocol);
    this.#socket = socket;
    this.#connectedAt = null;
    abandoned?.close(1000);
    this.#onState({ name: 'connecting' });
    const current = (handler) => (event) => {
      if (socket === this.#socket) handler(event);
    };
    socket.onopen = current(() => this.#send({ type: 'connection_init' }));
    socket.onmessage = current(({ data }) => this.#receive(parseJson(data)));
    socket.onclose = current((event) => this.#closed(event));
  }

  // Handlers: onActive() when the server has the operation, also after each reconnect; onWaiting()
  // when the connection was lost; onNext(payload); onError(errors); onComplete(). No handler is called
  // after onError, onComplete or stop().
  start(payload, handlers) {
    const id = String(++this.#lastId);
    this.#operations.set(id, { payload, handlers });
    if (this.isConnected) this.#subscribe(id);
    return id;
  }

  stop(id) {
    if (this.#operations.delete(id) && this.isConnected) this.#send({ id, type: 'complete' });
  }

  #send(message) {
    this.#socket.send(JSON.stringify(message));
  }

  #subscribe(id) {
    this.#send({ id, type: 'subscribe', payload: this.#operations.get(id).payload });
    // Messages are answered in their order, so the pong says that the operation was taken.
    this.#send({ type: 'ping', payload: { started: id } });
  }

  #receive({ type, id, payload }) {
    const handlers = this.#operations.get(id)?.handlers;
    switch (type) {
      case 'connection_ack':
        this.#connectedAt = Date.now();
        this.#onState({ name: 'connected' });
        for (const waiting of this.#operations.keys()) this.#subscribe(waiting);
        break;
      case 'ping':
        this.#send({ type: 'pong', payload });
        break;
      case 'pong':
        this.#operations.get(payload?.started)?.handlers.onActive();
        break;
      case 'next':
        handlers?.onNext(payload);
        break;
      case 'error':
        this.#operations.delete(id);
        handlers?.onError(payload);
        break;
      case 'complete':
        this.#operations.delete(id);
        handlers?.onComplete();
        break;
    }
  }

  #closed({ code, reason }) {
    if (this.isConnected && Date.now() - this.#connectedAt >= kSteadyMs) this.#failures = 0;
    this.#socket = null;
    this.#connectedAt = null;
    const { retry, ...explanation } = explainClose(code);
    let retryMs = null;
    if (retry) {
      // Half of the time is random, so that pages do not come back all at once.
      const longest = Math.min(kFirstRetryMs * 2 ** this.#failures++, kLongestRetryMs);
      retryMs = longest * (0.5 + Math.random() / 2);
      this.#retry = setTimeout(() => this.connect(), retryMs);
    }
    for (const { handlers } of this.#operations.values()) handlers.onWaiting();
    this.#onState({ name: 'closed', code, reason, ...explanation, retryMs });
  }
}
