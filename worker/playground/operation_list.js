// The operations that run, each with a button that stops it.

import { button, element } from './dom.js';

const kHues = [212, 150, 28, 280, 340, 96, 190, 50];

export class OperationList {
  #list;
  #left;
  #started = 0;

  // left is where the focus goes when the row that has it goes.
  constructor(list, left) {
    this.#list = list;
    this.#left = left;
  }

  // A row: {hue, setState(text), count(), remove()}. count() says that an event came.
  add(label, kind, onStop) {
    const hue = kHues[this.#started++ % kHues.length];
    const state = element('span', { className: 'muted' });
    const events = element('span', { className: 'count', title: 'events' }, '0');
    const row = element(
      'li',
      { style: { '--hue': hue } },
      element('span', { className: 'source' }, label),
      state,
      kind === 'subscription' ? events : null,
      button('Stop', onStop, { ariaLabel: `Stop ${label}` }),
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
      remove: () => {
        const hadFocus = row.contains(document.activeElement);
        row.remove();
        if (hadFocus) this.#left.focus();
      },
    };
  }
}
