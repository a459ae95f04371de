// Which panels show where there is no room for all of them: a tab for each. narrow.css has the widths.

import { element } from './dom.js';

const kOneAtATime = matchMedia('(max-width: 599px)');
const kShort = new Intl.NumberFormat(undefined, { notation: 'compact' });

export class Panels {
  #tabs;

  constructor(tabs) {
    this.#tabs = [...tabs];
    for (const tab of this.#tabs) tab.addEventListener('click', () => this.show(tab.dataset.shows));
    // Beside the events there is one of the others.
    kOneAtATime.addEventListener('change', () => {
      if (!kOneAtATime.matches && document.body.dataset.view === 'events') this.show('operation');
    });
  }

  show(view) {
    const focused = document.activeElement;
    document.body.dataset.view = view;
    for (const tab of this.#tabs) tab.setAttribute('aria-pressed', String(tab.dataset.shows === view));
    if (!focused.checkVisibility()) this.#tabOf(view).focus();
  }

  showEvents() {
    if (kOneAtATime.matches) this.show('events');
  }

  // Shown on a tab. what is for those who hear it.
  setCount(view, count, what = '') {
    const shown = this.#tabOf(view).querySelector('.count');
    shown.hidden = count === 0;
    shown.replaceChildren(kShort.format(count), element('span', { className: 'hidden' }, ` ${what}`));
  }

  #tabOf(view) {
    return this.#tabs.find((tab) => tab.dataset.shows === view);
  }
}
