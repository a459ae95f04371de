// The operations that run, each with a button that stops it.

import { button, element } from './dom.js';

const kHues = [212, 150, 28, 280, 340, 96, 190, 50];

export class OperationList {
  #list;
  #started = 0;

  constructor(list) {
    this.#list = list;
  }

  // A row: {hue, setState(text), count(), remove()}.
  add(label, kind, stop) {
    const hue = kHues[this.#started++ % kHues.length];
    const state = element('span', { className: 'muted' }, 'starting');
    const events = element('span', { className: 'count' }, '0');
    const row = element(
      'li',
      { style: { '--hue': hue } },
      element('span', { className: 'source' }, label),
      state,
      kind === 'subscription' ? events : null,
      button('Stop', stop, { ariaLabel: `Stop ${label}` }),
    );
    this.#list.append(row);
    let count = 0;
    return {
      hue,
      setState(text) {
        state.textContent = text;
      },
      count() {
        events.textContent = (++count).toLocaleString();
      },
      remove() {
        row.remove();
      },
    };
  }
}
